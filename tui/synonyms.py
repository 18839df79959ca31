"""Other words for actions, by which the palette and the help find them. Pure."""

from __future__ import annotations

WORDS: dict[str, str] = {
    "app.theme": "colours colors dark light appearance",
    "app.settings": "options preferences configuration",
    "app.undo": "take back restore deleted",
    "app.pause-all": "stop hold resume continue",
    "app.quit": "exit leave close",
    "app.alone": "bigger maximize full zoom",
    "app.queue": "transfers jobs",
    "app.queue-taller": "bigger larger resize",
    "app.queue-shorter": "smaller resize",
    "app.split-left": "wider narrower resize",
    "app.split-right": "wider narrower resize",
    "app.limit-set": "bandwidth throttle speed",
    "app.limit-up": "bandwidth speed",
    "app.limit-down": "bandwidth speed throttle",
    "app.problems": "errors log failures",
    "app.palette": "command search",
    "pane.copy": "upload download transfer send fetch get put",
    "pane.move": "upload download transfer",
    "pane.delete": "remove erase rm",
    "pane.new-folder": "mkdir create directory make bucket",
    "pane.rename": "mv",
    "pane.find": "search look for",
    "pane.filter": "search narrow",
    "pane.size": "count usage du total",
    "pane.sort": "order by size date name",
    "pane.compare": "sync diff mirror synchronize",
    "pane.profile": "account credentials endpoint region connect",
    "pane.goto": "cd path address open",
    "pane.link": "share presign url",
    "pane.yank": "clipboard url path",
    "pane.info": "properties metadata etag",
    "pane.properties": "storage class metadata tags",
    "pane.uploads": "incomplete multipart abort",
    "pane.versions": "history restore",
    "pane.preview": "view read look cat",
    "pane.refresh": "reload update",
    "pane.mark": "select choose tag",
    "queue.pause": "resume continue hold stop",
    "queue.details": "parts error why",
    "queue.down": "order reorder priority later",
    "queue.up": "order reorder priority sooner",
    "queue.top": "order reorder priority first",
    "queue.cancel": "abort stop",
    "queue.cancel-all": "abort stop",
    "queue.retry": "again",
    "queue.find": "search",
    "queue.clear": "remove finished",
}
"""By the id of the action."""


def of(id: str) -> str:
    """Other words for this action."""
    return WORDS.get(id, "")
