"""Tests that leave something behind, one way each; run by test_scaffolding.py, never by themselves."""

import asyncio
import os
import threading
import warnings


def test_environment():
    os.environ["LEFT_BEHIND"] = "yes"
    del os.environ["PATH"]


def test_directory(tmp_path):
    os.chdir(tmp_path)


def test_thread():
    threading.Thread(target=threading.Event().wait, name="left behind", daemon=True).start()


async def test_task():
    task = asyncio.create_task(asyncio.Event().wait())
    await asyncio.sleep(0)
    assert not task.done()


def test_warning():
    warnings.warn("careful", stacklevel=1)


async def test_tidy():
    task = asyncio.create_task(asyncio.sleep(0.01))
    await asyncio.to_thread(threading.Event().wait, 0.01)
    await task
