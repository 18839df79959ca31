"""The data plane: signed HTTP for parts and small objects."""

from engine.s3.wire.client import GetReply, PutReply, Wire

__all__ = ["GetReply", "PutReply", "Wire"]
