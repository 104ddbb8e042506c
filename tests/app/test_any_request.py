"""Whatever fits the OpenAPI document, and whatever does not, gets an answer the document knows, and never a 500."""

import asyncio
import re
import sys
from pathlib import Path

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
EXAMPLES = 12  # fuzzed ones an operation, the same in each run; most come from the document itself
LIMIT_S = 90


async def test_any_request_gets_an_answer_that_is_documented(stage, tmp_path):
    """Generated requests, right ones and wrong ones, for every operation under /api."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("run", f"{stage.settings.public_url}/openapi.json", "--url", stage.settings.public_url),
        *("--include-path-regex", "^/api/", "--phases", "examples,coverage,fuzzing", "--mode", "all"),
        *("--checks", ",".join(CHECKS), "--max-examples", str(EXAMPLES), "--generation-deterministic"),
        *("--workers", "1", "--no-color"),
    ]

    done = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(LIMIT_S):
        said, _ = await done.communicate()

    assert 0 == done.returncode, said.decode()
    assert 100 < int(re.findall(r"(\d+) generated", said.decode())[0])
