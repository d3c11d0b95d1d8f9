"""All counts of one run, fed by one plain reader of all topics."""

from __future__ import annotations

from collections import defaultdict

from streams.settings import Settings
from streams.topics import topic_table
from tests.chaos.archived import Offsets
from tests.chaos.counting import Answers, DeadLettersCount, Measures
from tests.chaos.reading import Reader, Take
from tests.chaos.rules import Rules


class Census:
    """The folds, and the reader that feeds them; may be caught up again and again."""

    def __init__(self, settings: Settings) -> None:
        """Connects to nothing yet."""
        self.answers = Answers()
        self.measures = Measures(round(settings.windows.skew_s * 1000))
        self.dead_letters = DeadLettersCount()
        self.rules = Rules()
        self.offsets = Offsets(settings.kafka.prefix)
        take: dict[str, list[Take]] = defaultdict(list)
        take["responses"].append(self.answers.take_response)
        take["reroutes"].append(self.answers.take_reroute)
        take["metrics"].append(self.measures.take_metric)
        take["scores"].append(self.measures.take_score)
        take["dead-letters"].append(self.dead_letters.take)
        take["rules-log"].append(self.rules.take_logged)
        take["rules"].append(self.rules.take_current)
        for row in topic_table(settings.models):
            take[row.name].append(self.offsets.take)
        self.reader = Reader(settings.kafka.bootstrap, settings.kafka.prefix, take)
