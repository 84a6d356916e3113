"""What the programs beside this one share: the connection to the emulator.

Reads EMULATOR_URL and EMULATOR_SUBSCRIPTION from the environment; REQUESTS_CA_BUNDLE names the emulator's authority.
"""

import os
import socket
import time

import jwt
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
    """A token that nobody checks. Whoever submits a pipeline must have one for the right audience."""

    def get_token(self, *scopes, **kwargs):
        end = int(time.time()) + 3600
        claims = {"exp": end, "aud": scopes[0].removesuffix("/.default"), "tid": os.environ["EMULATOR_TENANT"]}
        return AccessToken(jwt.encode(claims, "a key that nobody checks, of 32 bytes"), end)


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
