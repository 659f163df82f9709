"""Is an explanation faithful, does it find what is known, does it depend on the network: figures for one map each."""
