"""A batch in a process of its own, for tests that kill it: python batch_script.py FOLDER LOG REPLICATIONS PAUSE."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from moatlab.experiments import runner
from tests.experiments.stand_ins import experiment

# Small chunks and parts, so that a kill finds some of each.
runner.CHUNK_SECONDS, runner.FLUSH_SECONDS = 0.05, 0.1

if __name__ == "__main__":
    folder, log, replications, pause = sys.argv[1:]
    batch = experiment(int(replications), log=log, pause=float(pause)).run(engine="local", workers=2, out=folder)
    print(len(batch.missing()))
