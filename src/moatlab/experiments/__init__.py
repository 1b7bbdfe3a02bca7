"""Batches of runs: declared in a file, run on any engine, stored so that nothing that was committed is lost."""

from moatlab.experiments.batch import Batch, open_batch
from moatlab.experiments.experiment import Experiment
from moatlab.experiments.models import FunctionModel, MarketModel

open = open_batch

__all__ = ["Batch", "Experiment", "FunctionModel", "MarketModel", "open", "open_batch"]
