"""Recognises containers of video by their first bytes. Playlists are refused, because they name other files."""

SIGNATURE_BYTES = 400
_BRANDS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp")


def is_video_container(head: bytes) -> bool:
    """Whether a file begins like MP4, MOV, Matroska, WebM, AVI, MPEG, Ogg, FLV, ASF, GIF, MXF or DV.

    Args:
        head: The first :data:`SIGNATURE_BYTES` of the file, or all of a shorter one.
    """
    return (
        head[4:8] in _BRANDS
        or head.startswith((b"\x1aE\xdf\xa3", b"OggS", b"FLV\x01", b"GIF87a", b"GIF89a"))
        or (head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"AVI ")
        or head.startswith((b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3"))
        or head.startswith(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11")
        or head.startswith(b"\x06\x0e\x2b\x34\x02\x05\x01\x01")
        or head.startswith(b"\x1f\x07\x00")
        or _is_transport_stream(head)
    )


def _is_transport_stream(head: bytes) -> bool:
    """Whether packets of 188 bytes begin with G, with or without four bytes of time before each."""
    return any(
        len(head) > first + step and head[first] == head[first + step] == 0x47 for first, step in ((0, 188), (4, 192))
    )
