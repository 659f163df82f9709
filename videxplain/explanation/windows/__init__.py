"""From windows to a whole video: how a video is divided, and how the maps of its windows become one map a frame."""
