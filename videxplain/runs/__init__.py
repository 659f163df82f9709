"""What an audit and a search for concepts share: a run of one network over the videos of a data set, in shards."""
