"""Explain a whole data set: tables, maps and a report in which a cell of the confusion matrix opens its clips."""
