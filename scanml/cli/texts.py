"""What `--help` says: every command in a line, what it is for, and an example that works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """A command's help. Steps name their inputs, as `steps` does: a test holds both together."""

    summary: str
    description: str
    example: str
    inputs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    takes_task: bool = False


STEPS = {
    "validate": Text(
        "is a folder of photos and labels sound?",
        "Looks at every label and every picture and says by file and record what is wrong. Writes report.json and\n"
        "page.html. Exit 3 when a finding is an error.",
        "  scanml validate --config detect --in data=photos/ --out out/validate",
        inputs=("data",),
    ),
    "extract": Text(
        "split and shard it",
        "Cuts missing splits by a stable hash (near-duplicates stay together) and writes upright pictures into shards\n"
        "with checksums.",
        "  scanml extract --config detect --in data=photos/ --in report=out/validate --out out/extract",
        inputs=("data", "report"),
    ),
    "train": Text(
        "train a detector or classifier",
        "A killed training goes on by itself when the same command is given again; SIGTERM writes a checkpoint\n"
        "and ends with 143. Exit 3 when the loss is not finite.\n"
        "--in init= begins with the weights of another training (its classes may be others), --in checkpoint= goes on\n"
        "with an unfinished one from elsewhere. --self-test learns eight pictures by heart instead and says whether\n"
        "labels, loss and decoding work: try it first where mAP stays at zero.",
        "  scanml train --config detect --in shards=out/extract --out out/train --set train.steps=500\n"
        "  scanml train --config detect --in shards=out/extract --out out/self-test --self-test",
        inputs=("shards",),
        optional=("checkpoint", "init"),
        takes_task=True,
    ),
    "evaluate": Text(
        "measure a model on the test split",
        "COCO's numbers or per-trigger metrics, each with a 95 % interval and n: predictions.json, page.html.",
        "  scanml evaluate --config detect --in model=out/train --in shards=out/extract --out out/evaluate",
        inputs=("model", "shards"),
        takes_task=True,
    ),
    "gate": Text(
        "apply the experiment's rules",
        "Each rule of the experiment gets one reason: floors, and not worse than the baseline, paired by image.\n"
        "Exit 3 when a rule fails or a test image was trained on.",
        "  scanml gate --config detect --in candidate=out/evaluate --out out/gate",
        inputs=("candidate",),
        optional=("baseline",),
        takes_task=True,
    ),
    "export": Text(
        "write the bundle: SavedModel, markers, lenses",
        "From JPEG or PNG bytes to boxes and trigger probabilities in one graph, proven equal to the model in memory\n"
        "before OUT appears. --format litert adds LiteRT files for phones, in float32, float16 and int8.\n"
        "Exit 3 when a verdict is no or parity fails.",
        "  scanml export --config detect --in detector=out/train --in detector_verdict=out/gate --out out/bundle",
        optional=("detector", "classifier", "detector_verdict", "classifier_verdict", "markers", "catalog"),
    ),
    "register": Text(
        "store a bundle in MLflow, promote, roll back",
        "Makes the bundle a version of the model named like the experiment, alias `challenger`. --promote moves\n"
        "`champion` to the challenger, --rollback restores the champion before, --lineage shows what a version was\n"
        "made of, by which code. Exit 3 when a verdict is no.",
        "  scanml register --config detect --in bundle=out/bundle --out out/register --track sqlite:///mlflow.db",
        inputs=("bundle",),
    ),
}

WRAPPERS = {
    "kubeflow": Text(
        "a Kubeflow pipeline",
        "Writes kubeflow.yaml, compiled by Kubeflow's SDK: one container a step; bundle and register only where every\n"
        "gate says yes. A run is given the URI of the raw data on a store that Kubeflow reads (s3, gs, minio). A\n"
        "refusal is no failed task: its verdict is an output, its reasons are in report.json.",
        "  scanml wrap kubeflow --config detect --image registry.local/scanml:1 \\\n"
        "    --track http://mlflow:5000 --out deploy/",
    ),
    "cronjob": Text(
        "a Kubernetes CronJob",
        "Writes cronjob.yaml: `scanml run` at the times of --schedule, its settled experiment in a ConfigMap. Every\n"
        "run has a folder of its own in --output, where a moved or killed pod goes on. Not tried again: what was\n"
        "refused (exit code 3) and what is wrong (2). SIGTERM (143) does not count as a failure.",
        "  scanml wrap cronjob --config detect --image registry.local/scanml:1 --schedule '0 3 * * *' \\\n"
        "    --data pvc://photos --output pvc://runs/detect --out deploy/",
    ),
}

COMMANDS = {
    "demo": Text(
        "see the whole job on drawn data (about 5 minutes)",
        "Draws a small world, trains a detector and a trigger classifier on it, judges and exports them, and shows\n"
        "five frames with their ranked lenses. Given again it goes on where it stopped, or says what is done.",
        "  scanml demo --out scanml-demo",
    ),
    "run": Text(
        "the whole job on your data",
        "validate, extract, train, evaluate, gate, export, register: finished steps are skipped, a killed one\n"
        "resumes. While the MLflow store is away it ends before the gate, which must know the champion: give the same\n"
        "command again.",
        "  scanml run --config detect --in data=photos/ --out out/",
    ),
    "convert": Text(
        "bring a YOLO or Pascal VOC folder in",
        "yolo: data.yaml, pictures and their text files in either usual layout, boxes or outlines. voc: JPEGImages/,\n"
        "Annotations/, ImageSets/Main/; difficult objects become crowd regions, which count neither for nor against.\n"
        "Writes images/ (copied byte for byte) and one COCO file a split; all mistakes are named by file and line.",
        "  scanml convert yolo --in coco128/ --out photos/",
    ),
    **STEPS,
    "predict": Text(
        "what is in these photos?",
        "Objects and triggers, printed, drawn (--out) or as JSON; or COCO results for a COCO image list. A broken\n"
        "photo is named, the others are answered, and the exit code is 2.",
        "  scanml predict photo.jpg --bundle out/bundle --out drawn/\n"
        "  scanml predict --images list.json --root photos/images --bundle out/bundle --results results.json",
    ),
    "recommend": Text(
        "which lenses fit these photos?",
        "Ranks the bundle's lenses: those of a recognised marker first, then what triggers and objects say, then\n"
        "popularity, each with its reason.",
        "  scanml recommend photo.jpg --bundle out/bundle",
    ),
    "wrap": Text(
        "a file for Kubeflow or Kubernetes",
        "The same experiment on a cluster. `scanml wrap TARGET --help` explains each.",
        "  scanml wrap kubeflow --config detect --image registry.local/scanml:1 --out deploy/",
    ),
    "sync": Text(
        "send what an MLflow store did not take",
        "A store that is away or hangs stops no training and no evaluation: what was logged waits in scanml-unsent/\n"
        "beside the outputs. This sends it in order, with its times and files; sending twice changes nothing. Exit 2\n"
        "when something stays.",
        "  scanml sync out/",
    ),
    "doctor": Text(
        "is this machine ready? text for an issue",
        "Versions that do not fit each other, GPUs that are not used, two OpenCVs, an MLflow server that is away, a\n"
        "full disk: each with what to do. Imports the frameworks in processes of their own, so a broken one is told.\n"
        "Exit 2 when something is a problem. Ends in text to paste into an issue, without your name and home folder.",
        "  scanml doctor",
    ),
}

EPILOG = """begin with:
  scanml demo                                          the whole job on drawn data, about 5 minutes
  scanml run --config detect --in data=DIR --out OUT   the same on your COCO folder: DIR/images, DIR/instances.json
  scanml COMMAND --help                                one command, with an example

exit codes: 0 done, 2 wrong usage or bad input, 3 refused by judgment, 143 stopped by SIGTERM with a checkpoint"""
