"""The code inside a job: Keras models, their data, their clock and their events.

Runs from Python 3.5 on, with numpy and Keras only.
"""
