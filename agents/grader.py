"""``zeta run grader``: outcomes, grades and feedback of each answer, as metrics.

What it sends is a function of the records alone (a judge model's reply excepted), so a redelivery
sends the same metrics again and the aggregator counts them once. What is quick is sent at once;
code is run, and the judge model asked, beside it, each record being finished on its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from functools import partial

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from mode import Service

from agents.answer_index import Joined, feedback_metric
from agents.answering import judgement_metric, outcome_metric
from agents.crediting import Crediting, home_of
from agents.generation import Endpoint
from agents.graders import GRADERS, SLOW_GRADERS
from agents.graders.grade import GradeError
from agents.graders.grading import accuracy
from agents.index_home import IndexHome, index_directory
from agents.model_judge import ModelJudge
from agents.slow_grading import SlowGrading
from schemas.feedback import Feedback
from schemas.metric import Metric
from schemas.query import Reference
from schemas.response import Response
from schemas.wire import WireError, decode
from streams.app import RoleApp, build_app
from streams.clock import NowMs, now_ms
from streams.consuming import Batch, Intake, Record, attach
from streams.dead_letters import DeadLetters
from streams.settings import Settings, SettingsError

ROLE = "grader"
HOME_HEADER = "zeta-partition"
"""On a feedback that was sent on to the partition of its query id: which, of how many."""
