"""A part file that an earlier run left behind, known by its item and its inode."""

from __future__ import annotations

from engine.errors import Permanent
from engine.local.failures import local_error
from engine.local.folders import FolderHandle
from engine.local.fsops import FsOps
from engine.local.partfile import is_ours
from engine.local.partplace import part_file_name
from engine.local.safepath import parts_below


def remove_left(
    root: str, target: str, item_id: int, fs: FsOps, *, inode: int | None, temp_dir: str | None = None
) -> None:
    """Remove it, if it is still there and ours. Makes no folders.

    Args:
        root: As for `PartFile.create`; `target` and `temp_dir` too.
        inode: As recorded when it was created; ``None`` for small items, of which that is never recorded.

    Raises:
        TransferError: The system refused.
    """
    parts = parts_below(root, target)
    name = part_file_name(parts[-1], item_id)
    where = (root, parts[:-1]) if temp_dir is None else (temp_dir, ())
    try:
        with FolderHandle.open_below(*where, fs, create=False) as folder:
            facts = fs.lstat(name, dir_fd=folder.fd)
            if is_ours(facts, facts.st_ino if inode is None else inode):
                fs.unlink(name, dir_fd=folder.fd)
                folder.sync()
    except FileNotFoundError:
        return
    except Permanent as error:
        if error.code != "target-folder":
            raise  # Its folder is gone, and it with that.
    except OSError as error:
        raise local_error(error, "remove", name, writing=True) from error
