import pytest

from cio_mcp.customerio.call import read
from cio_mcp.customerio.client import Caller, Client
from cio_mcp.customerio.pages import following, pages
from tests.customerio.peer import Peer, says

pytestmark = pytest.mark.anyio

LIST = read("/v1/messages", query={"limit": 2})


async def test_pages_follow_next_until_it_is_empty(client: Client, peer: Peer, caller: Caller) -> None:
    peer.script = [says(200, b'{"messages": [1, 2], "next": "a+b"}'), says(200, b'{"messages": [3], "next": ""}')]
    read_pages = [page["messages"] async for page in pages(client.reader(caller), LIST)]
    assert read_pages == [[1, 2], [3]]
    assert peer.targets == ["GET /v1/messages?limit=2", "GET /v1/messages?limit=2&start=a%2Bb"]


async def test_no_more_pages_are_read_than_allowed(client: Client, peer: Peer, caller: Caller) -> None:
    peer.script = [says(200, b'{"next": "%d"}' % number) for number in range(9)]
    assert len([page async for page in pages(client.reader(caller), LIST, most=3)]) == 3
    assert len(peer.heads) == 3


async def test_a_list_that_repeats_itself_ends(client: Client, peer: Peer, caller: Caller) -> None:
    peer.script = [says(200, b'{"next": "same"}')]
    assert len([page async for page in pages(client.reader(caller), LIST)]) == 2


@pytest.mark.parametrize("page", [{}, {"next": None}, {"next": ""}, {"next": 0}], ids=str)
def test_a_page_without_next_is_the_last(page: dict[str, object]) -> None:
    assert following(LIST, page) is None


def test_a_numeric_next_is_accepted() -> None:
    onwards = following(LIST, {"next": 7})
    assert onwards is not None
    assert onwards.query == {"limit": "2", "start": "7"}
