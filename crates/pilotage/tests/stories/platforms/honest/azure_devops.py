"""What Microsoft's own client of Azure DevOps reads in the model; fails where it reads something else than it describes."""

import datetime
import os
import sys
import time

URL, TOKEN, READER, CACHE = sys.argv[1:]
# Its kept answers would outlive the model.
os.environ["AZURE_DEVOPS_CACHE_DIR"] = CACHE

from azure.devops.connection import Connection
from azure.devops.exceptions import AzureDevOpsAuthenticationError, AzureDevOpsServiceError
from azure.devops.v7_1.build.models import Build, UpdateStageParameters
from azure.devops.v7_1.git.models import GitStatus, GitStatusContext
from azure.devops.v7_1.pipelines.models import RunPipelineParameters, Variable
from msrest.authentication import BasicAuthentication

SIMPLE = {"str": str, "int": int, "long": int, "bool": bool, "float": (int, float), "iso-8601": str}


def judge(models, kind, told, where):
    """Every member is one that the client knows, and of its type: the client itself leaves out what it does not know."""
    if told is None or kind == "object":
        return
    if kind[0] == "[":
        assert isinstance(told, list), (where, told)
        for item in told:
            judge(models, kind[1:-1], item, where)
    elif kind[0] == "{":
        assert isinstance(told, dict), (where, told)
        for name, item in told.items():
            judge(models, kind[1:-1], item, f"{where}.{name}")
    elif kind in SIMPLE:
        assert isinstance(told, SIMPLE[kind]) and (kind == "bool") == isinstance(told, bool), (where, kind, told)
    elif kind != "ReferenceLinks":
        known = {about["key"].replace("\\", ""): about["type"] for about in models[kind]._attribute_map.values()}
        for name, item in told.items():
            assert name in known, f"{where}: {kind} has no {name}, but {sorted(known)}"
            judge(models, known[name], item, f"{where}.{name}")


answers, kinds = [], set()


def honest(client):
    """Hears what the client is answered, and judges it as what the client takes it for."""
    send, read, models = client._send, client._deserialize, client._deserialize.dependencies

    def sent(**asked):
        answers.append(send(**asked))
        return answers[-1]

    def deserialized(kind, told):
        is_read = isinstance(told, list) or told is None
        whole = told if is_read else told.json() if told.content else None
        judge(models, kind, whole, kind)
        kinds.add(kind)
        return read(kind, told)

    client._send, client._deserialize = sent, deserialized
    return client


def connect(token):
    return Connection(base_url=f"{URL}/acme", creds=BasicAuthentication("", token)).clients_v7_1


def until(reached):
    for _ in range(2000):
        if reached():
            return
        time.sleep(0.01)
    raise AssertionError(f"not reached: {reached.__code__.co_consts}")


def refused(kind, text, act):
    try:
        act()
    except kind as error:
        assert text in str(error), error
        return
    raise AssertionError(f"no {text}")


clients = connect(TOKEN)
pipelines, builds = honest(clients.get_pipelines_client()), honest(clients.get_build_client())
git, tasks = honest(clients.get_git_client()), honest(clients.get_task_agent_client())

# With the parameters of the template, and it fails.
run = pipelines.run_pipeline(RunPipelineParameters(template_parameters={"fail": "test"}), "shop", 12)
assert run.state == "inProgress" and run.pipeline.id == 12 and run.created_date.tzinfo, run
failing = run.id
until(lambda: builds.get_build("shop", failing).status == "completed")
build = builds.get_build("shop", failing)
assert (build.result, build.definition.id, build.source_branch) == ("failed", 12, "refs/heads/main"), build
assert build.queue_time <= build.start_time <= build.finish_time, build
run = pipelines.get_run("shop", 12, failing)
assert (run.state, run.result, run.finished_date) == ("completed", "failed", build.finish_time), run

# Its stages, jobs and tasks, each below another one.
records = builds.get_build_timeline("shop", failing).records
ids = {record.id: record for record in records}
assert {record.type for record in records} == {"Stage", "Phase", "Job", "Task"}, ids
assert {record.state for record in records} <= {"pending", "inProgress", "completed"}
assert {record.result for record in records} <= {"succeeded", "failed", "canceled", "skipped", None}
above = {"Stage": None, "Phase": "Stage", "Job": "Phase", "Task": "Job"}
for record in records:
    assert (ids[record.parent_id].type if record.parent_id else None) == above[record.type], record
failed = [record for record in records if record.type == "Task" and record.result == "failed"]
assert [record.name for record in failed] == ["run tests"], failed

# Its logs: the list, and one by its lines and as text.
logs = {log.id: log for log in builds.get_build_logs("shop", failing)}
assert set(logs) == {record.log.id for record in records if record.log}, logs
lines = builds.get_build_log_lines("shop", failing, failed[0].log.id)
assert "##[error]run tests failed: 1 of 12 is wrong" in lines[-1] and len(lines) == logs[failed[0].log.id].line_count, lines
text = b"".join(builds.get_build_log("shop", failing, failed[0].log.id)).decode()
assert text.splitlines() == lines, text

# What it left behind.
assert [artifact.name for artifact in builds.get_artifacts("shop", failing)] == ["report"]
assert builds.get_artifact("shop", failing, "report").resource.download_url.startswith(URL)
assert b"".join(builds.get_artifact_content_zip("shop", failing, "report"))[:2] == b"PK"

# Tagged, and its stage once more.
assert builds.add_build_tag("shop", failing, "kept") == ["kept"] == builds.get_build_tags("shop", failing)
assert [build.id for build in builds.get_builds("shop", tag_filters=["kept"])] == [failing]
builds.update_stage(UpdateStageParameters(state="retry"), failing, "test", project="shop")
until(lambda: builds.get_build("shop", failing).result == "succeeded")

# With variables, and stopped.
long = pipelines.run_pipeline(RunPipelineParameters(variables={"lines": Variable(value="10000")}), "shop", 12).id
builds.update_build(Build(status="cancelling"), "shop", long)
until(lambda: builds.get_build("shop", long).status == "completed")
assert builds.get_build("shop", long).result == "canceled" == pipelines.get_run("shop", 12, long).result

# One that waits for somebody: its timeline says so, and nothing is wrong with it.
waits = pipelines.run_pipeline(RunPipelineParameters(variables={"approval": Variable(value="true")}), "shop", 12).id

def waits_for_somebody():
    # There is no timeline before the run has begun.
    timeline = builds.get_build_timeline("shop", waits)
    return timeline and "Checkpoint.Approval" in [record.type for record in timeline.records or []]


until(waits_for_somebody)

# Page by page, newest first.
ids, token = [], None
while True:
    ids += [build.id for build in builds.get_builds("shop", definitions=[12], top=1, continuation_token=token)]
    token = builds._get_continuation_token(answers[-1])
    if token is None:
        break
assert ids == [waits, long, failing], ids
assert builds.get_builds("shop", definitions=[13]) == []
assert [run.id for run in pipelines.list_runs("shop", 12)] == ids

# Environments, and what was deployed to them.
production = tasks.get_environments("shop")[0]
assert production.name == "production" == tasks.get_environment_by_id("shop", production.id).name
records = tasks.get_environment_deployment_execution_records("shop", production.id)
assert [(record.owner.id, record.result) for record in records] == [(failing, "succeeded")], records

# Marks on a commit.
commit = "3f1c2a7be5d94f0a8c6e1d2b7a90c4e58f6d1b23"
mark = GitStatus(state="succeeded", description="all is well", target_url="https://ci.example",
                 context=GitStatusContext(name="gate", genre="release"))
made = git.create_commit_status(mark, commit, "shop", project="shop")
assert made.id and made.creation_date <= datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1), made
marks = git.get_statuses(commit, "shop", project="shop")
assert [(one.id, one.state, one.context.genre) for one in marks] == [(made.id, "succeeded", "release")], marks
assert git.get_statuses("0" * 40, "shop", project="shop") == []

# What goes wrong comes as the client's own errors.
refused(AzureDevOpsServiceError, "could not be found", lambda: builds.get_build("shop", 999))
refused(AzureDevOpsServiceError, "TF200016", lambda: builds.get_build("other", failing))
reader = connect(READER).get_pipelines_client()
refused(AzureDevOpsServiceError, "Queue builds", lambda: reader.run_pipeline(RunPipelineParameters(), "shop", 12))
nobody = connect("wrong").get_pipelines_client()
refused(AzureDevOpsAuthenticationError, "requires user authentication", lambda: nobody.list_runs("shop", 12))
assert len(kinds) >= 14, kinds
print("done")
