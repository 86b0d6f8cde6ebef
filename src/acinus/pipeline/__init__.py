"""The verbs: fit, segment, measure, evaluate, report, demo; they wire the rooms together."""
