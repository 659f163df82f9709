"""Which sample, moment and place each row of a layer's output belongs to, found by changing the clip."""
