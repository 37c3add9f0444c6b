"""The vendor's own Python SDK as an ordinary client: lists every desktop and asks for networks.

Usage: list_with_sdk.py ENDPOINT REGION ACCESS_KEY SECRET_KEY [SECURITY_TOKEN]
Prints one JSON object: the project id it found by itself, the ids it listed, the ids it got networks for.
"""

import json
import sys

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkworkspace.v2 import (
    ListDesktopsDetailRequest,
    ShowDesktopNetworksRequest,
    WorkspaceClient,
)

endpoint, region, access_key, secret_key, *security_token = sys.argv[1:]
credentials = BasicCredentials(access_key, secret_key).with_iam_endpoint(endpoint)
if security_token:
    credentials = credentials.with_security_token(security_token[0])
client = (
    WorkspaceClient.new_builder()
    .with_credentials(credentials)
    .with_region(Region(region, endpoint))
    .build()
)

listed = []
while True:
    request = ListDesktopsDetailRequest(
        offset=len(listed), limit=100, sort_field="created", sort_type="ASC"
    )
    answer = client.list_desktops_detail(request)
    listed += [desktop.desktop_id for desktop in answer.desktops]
    if len(listed) >= answer.total_count:
        break

answer = client.show_desktop_networks(ShowDesktopNetworksRequest(desktop_ids=listed[:100]))
networks = [network.computer_id for network in answer.networks if network.network_infos]
print(json.dumps({"project_id": credentials.project_id, "listed": listed, "networks": networks}))
