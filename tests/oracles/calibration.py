"""Calibration error by hand: repeat every example as often as it weighs, walk through the sorted list."""


def naive_calibration_error(probabilities, outcomes, *, num_bins, weights=None):
    weights = [1] * len(probabilities) if weights is None else weights
    examples = []
    for probability, outcome, weight in zip(probabilities, outcomes, weights, strict=True):
        examples += [(probability, bool(outcome))] * int(weight)
    bins = [[] for _ in range(num_bins)]
    for probability, outcome in examples:
        below = sum(other < probability for other, _ in examples)
        equal = sum(other == probability for other, _ in examples)
        middle = below + equal / 2
        index = min(int(num_bins * middle / len(examples)), num_bins - 1)
        bins[index].append((probability, outcome))
    error = 0.0
    for members in bins:
        if members:
            confidence = sum(p for p, _ in members) / len(members)
            frequency = sum(o for _, o in members) / len(members)
            error += len(members) / len(examples) * abs(confidence - frequency)
    return error
