"""Layer-wise relevance propagation: rules, the calls of torch that they replace, and the pass back to the pixels."""
