from .config import CronJobConfig
from .cronjob import cronjob_yaml
from .kubeflow import kubeflow_yaml

__all__ = ["CronJobConfig", "cronjob_yaml", "kubeflow_yaml"]
