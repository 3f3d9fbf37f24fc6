"""What the node serves, and the certificates of all."""

import gzip
import pathlib
import random
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MOUNT = "bbb-01"
CLUSTER = "bbb.bench.localhost"
NODE = "bbb-01.bench.localhost"
API = "api.bench.localhost"

SMALL = [f"20k.0123456789abcdef{number:04}.woff2" for number in range(14)]
LARGE = [f"75k.0123456789abcdef{number:04}.woff2" for number in range(4)]
BUNDLE = "bundle.0123456789abcdef0123.js"

# What a browser asks for when it first opens the client: all at once.
FIRST_REQUESTS = ["index.html?sessionToken=x", BUNDLE, *SMALL, *LARGE]


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options)


def certificates(folder):
    """A CA and one leaf for all names."""
    names = f"subjectAltName=DNS:{CLUSTER},DNS:{NODE},DNS:{API},IP:127.0.0.1"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-days", "2", "-subj", "/CN=bench CA", "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-subj", f"/CN={CLUSTER}", "-keyout", folder / "leaf.key", "-out", folder / "leaf.csr")
    (folder / "leaf.ext").write_text(names + "\n")
    run("openssl", "x509", "-req", "-in", folder / "leaf.csr", "-CA", folder / "ca.pem", "-CAkey",
        folder / "ca.key", "-CAcreateserial", "-days", "2", "-extfile", folder / "leaf.ext",
        "-out", folder / "leaf.pem")
    (folder / "both.pem").write_text((folder / "leaf.pem").read_text() + (folder / "leaf.key").read_text())


def client_files(folder):
    """A client's files: a page, assets of 20 and 75 kB, a bundle from published packages."""
    packages = ROOT / "target/bench/npm"
    library = packages / "node_modules/typescript/lib/typescript.js"
    if not library.exists():
        packages.mkdir(parents=True, exist_ok=True)
        run("npm", "install", "--prefix", packages, "--no-audit", "--no-fund", "typescript@5.6.3")
    source = library.read_bytes()
    folder.mkdir(parents=True)
    page = b"<!doctype html><title>BigBlueButton</title>" + source[1000:3900].replace(b"<", b" ")
    generator = random.Random(1)
    files = {
        "index.html": page,
        **{name: generator.randbytes(20_000) for name in SMALL},
        **{name: generator.randbytes(75_000) for name in LARGE},
        BUNDLE: source[:5_400_000],
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    bundle = gzip.compress(files[BUNDLE], 9)
    (folder / f"{BUNDLE}.gz").write_bytes(bundle)
    return len(bundle)

