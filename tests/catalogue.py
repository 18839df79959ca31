"""The faults that people meet, numbered. A test that proves how one is met carries ``@pytest.mark.fault(number)``.

``tests/test_catalogue.py`` demands one for each. `told` is what the user sees, or that nothing needs to be said.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    number: int
    what: str
    told: str


_TABLE = """
1 | connection refused | offline, with the seconds until the next try
2 | a name that cannot be resolved, for now or at all | the host's name
3 | connections that nobody answers | offline, with the seconds until the next try
4 | a download that stops in the middle of a body | stalled; the part is asked for again
5 | a drip of one byte a second | stalled; the part is asked for again
6 | a server that stops reading an upload | stalled; the part is sent again
7 | a reset in the middle of a part | which try it is
8 | a half-closed connection | which try it is
9 | a body that is shorter than its head says | which try it is
10 | a body that is shorter than the object, and no length in its head | which try it is
11 | a whole object in place of a range | the server ignores ranges
12 | a range that is not the one asked for, or of another size | the object changed, or a bad reply
13 | a flipped bit in a download | the checksum is wrong
14 | a flipped bit in an upload | which try it is
15 | an ETag that is not that of the bytes sent | what the server keeps is not what was sent
16 | a server that is busy: 503, 429, 500, 502, 504 | the server is busy, with the seconds until the next try
17 | an error inside a successful answer to CompleteMultipartUpload | which try it is
18 | a lost answer to CompleteMultipartUpload | nothing: the object is recognised
19 | an upload id that is gone | the server dropped the upload, it starts again
20 | the server's list of parts is not what was recorded | nothing: what differs is sent again
21 | an object that changes while it is downloaded | the object changed; start again or skip
22 | a target that appears or changes while it is uploaded to | overwrite, rename or skip
23 | a source that grows, shrinks or is touched while it is uploaded | the source changed; start again or skip
24 | a source that is replaced while it is uploaded | the source changed; start again or skip
25 | a source that is gone, closed to us or unreadable | path and reason
26 | a source that is not a regular file, or is sparse and huge | path and reason
27 | a disk that fills during a download | how much is needed and how much is free
28 | a quota, or a file too big for the file system | path and reason
29 | a disk that fills under the saved queue | progress is not being saved
30 | an I/O error while the saved queue is synced | progress is not being saved
31 | an I/O error or a short write on the downloaded file | path and reason
32 | no more file descriptors | limited by open files
33 | no more threads | fewer workers, in the log
34 | a target that may not be written | path and reason, before the first byte
35 | a target folder that is removed during a download | path and reason
36 | a part file that is removed, cut or altered while paused | nothing: what is wrong is fetched again
37 | a target file that appears during a download | overwrite, rename or skip
38 | kill -9 at any moment | what came back, at the next start
39 | SIGHUP, SIGTERM, Ctrl-C, a closed terminal | what came back, at the next start
40 | a suspended process that wakes after hours | nothing: it goes on
41 | a power cut | what came back, at the next start
42 | a torn, zero-filled or damaged journal | one notice
43 | a snapshot that is damaged, missing or of a newer version | the reason; never an empty queue
44 | two instances on one saved queue | host and pid of the other one
45 | credentials that expire | sign in again, with the profile's name
46 | one action that is denied | which permission
47 | a clock that is wrong | by how much
48 | a wall clock that jumps | nothing
49 | a bucket in another region, redirects | the right region
50 | a certificate that cannot be trusted | the reason, and how to name a CA file
51 | a captive portal | not a reply of S3; never an empty bucket
52 | malformed, huge or hostile XML | not a reply of S3
53 | a million keys, or a listing that never ends | the count so far
54 | an object that vanishes between listing and download | it is gone
55 | the limits of multipart uploads | nothing: the parts fit
56 | an archived object, one encrypted with a customer's key, a requester who pays | what to do
57 | a server that does not know checksum headers | nothing: another checksum is used
58 | an upload begun just before a crash, and not recorded | nothing: it is adopted, or aborted if surely ours
59 | a cancel while an upload is begun, completed or waited for | what really happened
60 | hostile names | the name, with its control characters visible
61 | a screen that is slow, with ten thousand rows | nothing
62 | an unexpected exception in a worker | an internal error, and where the log is
"""

FAULTS = tuple(
    Fault(int(number), what, told)
    for number, what, told in (map(str.strip, line.split("|")) for line in _TABLE.strip().splitlines())
)
