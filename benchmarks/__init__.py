"""What stepbench costs beside the bare loops it replaces: ratios of times measured side by side, in one table.

Every row races two contestants that do the same work, one after the other, again and again (ABAB…). The row shows
the median seconds of each, the median of the pairwise ratios and their range. Contestants that can be compared are
checked to reach the same point before they are timed. Nothing here fails for being slow.
"""
