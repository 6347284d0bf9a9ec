"""The tutorial at its own pace, hours of seconds-long delays, in virtual time: what the delays alone would do."""

from dataclasses import replace

from lab.experiments.tutorial import experiment as tutorial

experiment = replace(tutorial, name="tutorial_seconds", scale=1, engine="simulated")
