"""Imported once by the server process that workers are forked from, so that they start at once."""

from __future__ import annotations

import lightgbm
import sklearn.ensemble
import sklearn.linear_model
import sklearn.neighbors
import sklearn.svm
import skrub
import torch
import xgboost

import jointopt.evaluation.one_fold
import jointopt.pipeline.network

__all__ = ["jointopt", "lightgbm", "sklearn", "skrub", "torch", "xgboost"]
