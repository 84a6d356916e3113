"""What the programs beside this one share: the connection to the emulator, and how situations are run.

Reads EMULATOR_URL and EMULATOR_SUBSCRIPTION from the environment; REQUESTS_CA_BUNDLE names the emulator's authority.
"""

import os
import socket
import sys
import time
import traceback

from azure.ai.ml import MLClient
from azure.core.credentials import AccessToken

URL = os.environ["EMULATOR_URL"]
SUBSCRIPTION = os.environ["EMULATOR_SUBSCRIPTION"]
GROUP = "ml"
WORKSPACE = "dev"
DATASTORE = (
    f"azureml://subscriptions/{SUBSCRIPTION}/resourcegroups/{GROUP}/workspaces/{WORKSPACE}"
    "/datastores/workspaceblobstore/paths/"
)
STORAGE = "localhost:" + URL.rsplit(":", 1)[1]


def resolve_storage_accounts():
    """Names below localhost are this machine (RFC 6761), which not every system's resolver knows."""
    resolve = socket.getaddrinfo

    def with_localhost(host, *arguments, **more):
        below = isinstance(host, str) and host.endswith(".localhost")
        return resolve("127.0.0.1" if below else host, *arguments, **more)

    socket.getaddrinfo = with_localhost


resolve_storage_accounts()


class Credential:
    def get_token(self, *scopes, **kwargs):
        return AccessToken("any", int(time.time()) + 3600)


CLOUD = {
    "azure_portal": URL,
    "resource_manager": URL + "/",
    "active_directory": URL,
    "aml_resource_id": URL,
    "storage_endpoint": STORAGE,
    "registry_discovery_endpoint": URL + "/",
}


def client(**more):
    return MLClient(Credential(), SUBSCRIPTION, GROUP, cloud="AzureMLEmulator", cloud_metadata=CLOUD, **more)


def raises(kind, call, *arguments, **more):
    """The error that a call must end in."""
    try:
        call(*arguments, **more)
    except kind as error:
        return error
    raise AssertionError(f"{call} raised nothing")


def run(*situations):
    """Runs all, tells of each, and ends the program with the number of those that failed."""
    failed = 0
    for situation in situations:
        try:
            situation()
            print("ok", situation.__name__, flush=True)
        except Exception:  # noqa: BLE001: one that fails must not hide the others
            failed += 1
            print("FAILED", situation.__name__, flush=True)
            traceback.print_exc(limit=-6, file=sys.stdout)
    sys.exit(failed)
