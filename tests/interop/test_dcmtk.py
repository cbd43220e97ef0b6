"""DCMTK's clients with our servers, and our clients with DCMTK's storescp."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from nets import LINKS, Nets, free_port, warnings_of
from programs import Program, run, sample
from storage import FILES, StorageScp, data_set_of

from interop.conftest import check_version, write_large
from leaddicom import Scu
from leaddicom.decoding import read_header

#: Files of many kinds, no two with the same SOP Instance UID.
NAMES = [
    "693_J2KI.dcm",  # CT, JPEG 2000
    "CT_small.dcm",  # Explicit VR Little Endian
    "ExplVR_BigEnd.dcm",  # US, Explicit VR Big Endian
    "J2K_pixelrep_mismatch.dcm",  # CT, JPEG 2000 lossless
    "JPGExtended.dcm",  # SC, JPEG Extended
    "MR_small_jpeg_ls_lossless.dcm",
    "SC_rgb_dcmtk_+eb+cr.dcm",  # JPEG Baseline
    "SC_rgb_jpeg_gdcm.dcm",  # JPEG Lossless
    "examples_overlay.dcm",  # MR
    "examples_ybr_color.dcm",  # US multi-frame, JPEG Baseline, 220 KiB
    "image_dfl.dcm",  # SC, Deflated Explicit VR Little Endian, of odd length
    "liver_expb_1frame.dcm",  # Segmentation, Explicit VR Big Endian
    "reportsi.dcm",  # Basic Text SR
    "rtdose_rle_1frame.dcm",  # RLE Lossless
    "rtplan.dcm",  # Implicit VR Little Endian
    "rtstruct.dcm",
    "test-SR.dcm",  # Comprehensive SR
    "waveform_ecg.dcm",
]

#: What DCMTK cannot send, since it does not read the odd length of its pixel data, and what
#: it can send instead; these have the same SOP Instance UIDs as others of the list.
UNREADABLE = {"rtdose_rle_1frame.dcm"}
INSTEAD = {"SC_rgb_rle_2frame.dcm", "rtdose.dcm"}

#: DCMTK's option by which storescu proposes a transfer syntax.
PROPOSALS = {
    "1.2.840.10008.1.2": "-xi",
    "1.2.840.10008.1.2.1": "-xe",
    "1.2.840.10008.1.2.1.99": "-xd",
    "1.2.840.10008.1.2.2": "-xb",
    "1.2.840.10008.1.2.4.50": "-xy",
    "1.2.840.10008.1.2.4.51": "-xx",
    "1.2.840.10008.1.2.4.70": "-xs",
    "1.2.840.10008.1.2.4.80": "-xt",
    "1.2.840.10008.1.2.4.90": "-xv",
    "1.2.840.10008.1.2.4.91": "-xw",
    "1.2.840.10008.1.2.5": "-xr",
}

LARGE = 100 << 20
NODELAY = pytest.mark.parametrize("nodelay", ["", "1"], ids=["Nagle", "TCP_NODELAY"])

Find = Callable[[str], str]
Serve = Callable[[str], StorageScp]
StartStorescp = Callable[..., tuple[Program, int, Path]]


@pytest.fixture
def storescp(dcmtk: Find, their_tls: list[str], tmp_path: Path) -> Iterator[StartStorescp]:
    """Starts DCMTK's storescp, which writes exactly what it receives."""
    path = dcmtk("storescp")
    with ExitStack() as stack:

        def start(link: str = "TLS 1.3", nodelay: str = "1") -> tuple[Program, int, Path]:
            folder, port = tmp_path / "in", free_port()
            folder.mkdir()
            security = [] if link == "plain" else [*their_tls, "--require-peer-cert"]
            options = ["+B", "+xa", "-pdu", "131072", "-od", str(folder), *security]
            env = {"TCP_NODELAY": nodelay}
            program = stack.enter_context(Program(path, "-v", *options, str(port), env=env))
            program.wait_until_it_listens(port)
            return program, port, folder

        yield start


@pytest.fixture(scope="session")
def canonical(dcmtk: Find, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Files as DCMTK writes them, by transfer syntax.

    DCMTK cannot send a file as it is: it parses it, drops group lengths and trailing padding,
    and writes it anew.  Of a file that it has written itself it changes nothing.
    """
    folder = tmp_path_factory.mktemp("canonical")
    files: dict[str, list[Path]] = {}
    for name in sorted({*NAMES, *INSTEAD} - UNREADABLE):
        path = folder / name
        result = run(dcmtk("dcmconv"), "+t=", "-g", "-p", str(FILES / name), str(path))
        assert result.returncode == 0, result.stderr
        files.setdefault(read_header(path).transfer_syntax_uid, []).append(path)
    assert files.keys() == PROPOSALS.keys()
    return files


class TestEchoscu:
    @pytest.mark.parametrize(
        ("profile", "link"),
        [("+py", "TLS 1.2"), ("+py", "TLS 1.3"), ("+px", "TLS 1.2"), ("+px", "TLS 1.3"),
         ("+pz", "TLS 1.2")],
    )  # fmt: skip
    def test_over_tls(
        self, dcmtk: Find, serve: Serve, nets: Nets, their_tls: list[str], profile: str, link: str
    ) -> None:
        server = serve(link)
        port = str(server.GetHostInfo()[1])
        options = [*their_tls, "--require-peer-cert", profile]
        result = run(dcmtk("echoscu"), "-v", *options, "localhost", port)
        assert result.returncode == 0, result.stderr
        assert "Received Echo Response (Success)" in result.stdout + result.stderr
        check_version(nets.recorder.wait_for_event("OnSecureLinkReady").net, link)
        nets.wait_for("OnReceiveReleaseRequest")

    def test_plain(self, dcmtk: Find, serve: Serve) -> None:
        port = str(serve("plain").GetHostInfo()[1])
        assert run(dcmtk("echoscu"), "localhost", port).returncode == 0

    def test_without_a_certificate_is_refused(
        self,
        dcmtk: Find,
        serve: Serve,
        nets: Nets,
        their_tls: list[str],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        port = str(serve("TLS 1.2").GetHostInfo()[1])
        result = run(dcmtk("echoscu"), "+tla", *their_tls[3:], "localhost", port)
        assert result.returncode != 0
        (error,) = nets.recorder.wait_for("OnSecureLinkReady")
        assert error
        nets.wait_for("OnClose")
        (warning,) = warnings_of(caplog, "from")
        assert "certificate" in warning

    def test_with_the_sample(
        self, dcmtk: Find, their_tls: list[str], our_tls: list[str], tmp_path: Path
    ) -> None:
        command = sample("secure_scp.py", "--port", "0", "--output", tmp_path, *our_tls)
        with Program(*command) as scp:
            port = scp.wait_for(r"ready.* port (\d+)$")[1]
            options = [*their_tls, "-aec", "SECURE_SCP"]
            result = run(dcmtk("echoscu"), "-v", *options, "localhost", port)
            assert result.returncode == 0, result.stderr
            scp.wait_for("is CN=interop,.*TLSv1.3")


class TestStorescu:
    @pytest.mark.parametrize("link", LINKS)
    @pytest.mark.parametrize("syntax", PROPOSALS)
    def test_sends_what_we_receive(
        self,
        dcmtk: Find,
        serve: Serve,
        their_tls: list[str],
        canonical: dict[str, list[Path]],
        link: str,
        syntax: str,
    ) -> None:
        server = serve(link)
        port = str(server.GetHostInfo()[1])
        security = [] if link == "plain" else their_tls
        files = canonical[syntax]
        options = [*security, PROPOSALS[syntax], "--required"]
        command = [dcmtk("storescu"), *options, "localhost", port, *map(str, files)]
        result = run(*command, env={"TCP_NODELAY": "1"})
        assert result.returncode == 0, result.stderr
        assert [each.syntax for each in server.received] == [syntax] * len(files)
        assert [each.data for each in server.received] == [data_set_of(path) for path in files]

    @NODELAY
    def test_at_any_pace(
        self,
        dcmtk: Find,
        serve: Serve,
        their_tls: list[str],
        canonical: dict[str, list[Path]],
        nodelay: str,
    ) -> None:
        server = serve("TLS 1.3")
        files = canonical["1.2.840.10008.1.2.1"] * 2
        address = ["localhost", str(server.GetHostInfo()[1])]
        command = [dcmtk("storescu"), *their_tls, "-xe", "-R", *address, *map(str, files)]
        result = run(*command, env={"TCP_NODELAY": nodelay})
        assert result.returncode == 0, result.stderr
        assert [each.data for each in server.received] == [data_set_of(path) for path in files]

    def test_is_told_the_status(
        self, dcmtk: Find, serve: Serve, their_tls: list[str], canonical: dict[str, list[Path]]
    ) -> None:
        server = serve("TLS 1.3")
        (path,) = canonical["1.2.840.10008.1.2.4.50"][:1]
        server.statuses[read_header(path).sop_instance_uid] = 0xA700
        address = ["localhost", str(server.GetHostInfo()[1])]
        result = run(dcmtk("storescu"), "-v", *their_tls, "-xy", "-R", *address, str(path))
        assert "Received Store Response (Refused: OutOfResources)" in result.stdout + result.stderr

    def test_sends_a_large_instance_to_the_sample(
        self, dcmtk: Find, their_tls: list[str], our_tls: list[str], tmp_path: Path
    ) -> None:
        large, archive = tmp_path / "large.dcm", tmp_path / "archive"
        write_large(large, LARGE)
        command = sample("secure_scp.py", "--port", "0", "--output", archive, *our_tls)
        with Program(*command) as scp:
            port = scp.wait_for(r"ready.* port (\d+)$")[1]
            options = [*their_tls, "-xe", "-R", "-aec", "SECURE_SCP"]
            result = run(dcmtk("storescu"), *options, "localhost", port, str(large))
            assert result.returncode == 0, result.stderr
        (filed,) = archive.rglob("*.dcm")
        assert_same_data_set(filed, large)
        filed.unlink()
        large.unlink()


class TestStorescp:
    @NODELAY
    @pytest.mark.parametrize("link", LINKS)
    def test_receives_what_we_send(
        self, storescp: StartStorescp, connect: Callable[[str, int], Scu], link: str, nodelay: str
    ) -> None:
        _, port, folder = storescp(link, nodelay)
        paths = [FILES / name for name in NAMES]
        with connect(link, port) as scu:
            scu.echo()
            result = scu.store(paths, window=4)  # which DCMTK does not grant
        check_version(scu, link)
        assert (result.sent, result.failed, result.error) == (len(NAMES), [], None)
        written = {
            (header.transfer_syntax_uid, data_set_of(path))
            for path in folder.iterdir()
            if (header := read_header(path))
        }
        expected = {(read_header(path).transfer_syntax_uid, data_set_of(path)) for path in paths}
        assert len(expected) == len(NAMES)
        assert written == expected

    @pytest.mark.parametrize("link", ["plain", "TLS 1.3"])
    def test_receives_what_the_sample_sends(
        self, storescp: StartStorescp, our_tls: list[str], link: str
    ) -> None:
        _, port, folder = storescp(link)
        options = ["--plain"] if link == "plain" else our_tls
        paths = [FILES / name for name in NAMES[:4]]
        command = sample("secure_scu.py", "localhost", str(port), *paths, *options, "--json")
        result = run(*command)
        assert result.returncode == 0, result.stderr
        told = json.loads(result.stdout)
        assert (told["sent"], told["failed"]) == (4, 0)
        assert told["tls_version"] == (None if link == "plain" else "TLSv1.3")
        assert len(list(folder.iterdir())) == 4

    def test_receives_a_large_instance(
        self, storescp: StartStorescp, connect: Callable[[str, int], Scu], tmp_path: Path
    ) -> None:
        large = tmp_path / "large.dcm"
        write_large(large, LARGE)
        _, port, folder = storescp()
        with connect("TLS 1.3", port) as scu:
            assert scu.store(large).sent == 1
        (written,) = folder.iterdir()
        assert_same_data_set(written, large)
        written.unlink()
        large.unlink()


def assert_same_data_set(first: Path, second: Path) -> None:
    """Compare large files piece by piece; their headers may differ in length."""
    headers = [read_header(path) for path in (first, second)]
    assert headers[0].size == headers[1].size > LARGE
    with first.open("rb") as one, second.open("rb") as other:
        one.seek(headers[0].data_offset)
        other.seek(headers[1].data_offset)
        while piece := one.read(1 << 20):
            assert piece == other.read(1 << 20)
