#!/usr/bin/env python3
"""Rebuilds a part of CredData (https://github.com/Samsung/CredData) for `bench secrets`.

The data set consists of labels alone: each names a repository, its commit, and a line in one of its files. This takes
the files out of clones, puts them where the labels say, and lets the data set's own obfuscate_creds.py replace the
secrets by random ones of the same shape, as its authors intend.

    corpus.py --creddata CLONE --clones FOLDER --out FOLDER [--raw]

CLONE is a clone of CredData; FOLDER holds clones of as many of its repositories as wanted, with their history, each as
`owner+name` or `owner+name/repo`. `--raw` leaves the secrets as they are. OUT/data then is the corpus and OUT/labels.csv
what is known about it: path, first and last line, T or F, category, and the half (`tune` or `test`) of its repository,
which is the lowest bit of the repository's id, so that nobody chooses. Needs Python 3.10 and `pybase62`.
"""
import argparse
import binascii
import csv
import hashlib
import json
import pathlib
import subprocess
import sys


def git(repository, *arguments):
    """What git says, as bytes."""
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


def clone_of(clones, url):
    """The clone of this address, or nothing."""
    owner, name = url.rstrip("/").removesuffix(".git").split("/")[-2:]
    places = [clones / f"{owner}+{name}" / "repo", clones / f"{owner}+{name}"]
    return next((place for place in places if place.is_dir()), None)


def take(clone, commit, rows, out):
    """Puts the files that the labels name at their places; the labels whose file was there."""
    wanted = {row["FileID"]: row["FilePath"] for row in rows}
    found = set()
    for path in git(clone, "ls-tree", "-r", "-z", "--name-only", commit).split(b"\0"):
        file_id = hashlib.sha256(path).hexdigest()[:8]
        if file_id in wanted:
            place = out / wanted[file_id]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(git(clone, "cat-file", "blob", f"{commit}:{path.decode()}"))
            found.add(file_id)
    return [row for row in rows if row["FileID"] in found]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("creddata", "clones", "out"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--raw", action="store_true")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    tool, meta = given.out / "creddata", given.out / "meta"
    tool.mkdir(exist_ok=True)
    meta.mkdir(exist_ok=True)
    for name in ("obfuscate_creds.py", "meta_row.py", "constants.py", "snapshot.json"):
        (tool / name).write_bytes(git(given.creddata, "show", f"HEAD:{name}"))
    labels = []
    for commit, url in json.loads((tool / "snapshot.json").read_text()).items():
        clone = clone_of(given.clones, url)
        if clone is None:
            continue
        repository = f"{binascii.crc32(bytes.fromhex(commit)):08x}"
        text = git(given.creddata, "show", f"HEAD:meta/{repository}.csv").decode()
        rows = list(csv.DictReader(text.splitlines()))
        try:
            kept = take(clone, commit[:40], rows, given.out)
        except subprocess.CalledProcessError:
            print(f"{url}: the clone lacks the commit {commit[:40]}", file=sys.stderr)
            continue
        half = "test" if int(repository, 16) & 1 else "tune"
        files = len({row["FileID"] for row in kept})
        true = sum(row["GroundTruth"] == "T" for row in kept)
        print(f"{half} {repository} {url}: {files} files, {len(kept)} of {len(rows)} labels, {true} true")
        with open(meta / f"{repository}.csv", "w", newline="") as place:
            writer = csv.DictWriter(place, text.splitlines()[0].split(","))
            writer.writeheader()
            writer.writerows(kept)
        labels += [(row, half) for row in kept]
    if not given.raw:
        sys.path.insert(0, str(tool))
        from obfuscate_creds import obfuscate_creds

        obfuscate_creds(str(meta), str(given.out / "data"), 0)
    with open(given.out / "labels.csv", "w", newline="") as place:
        writer = csv.writer(place)
        writer.writerow(("path", "first", "last", "label", "category", "half"))
        for row, half in labels:
            writer.writerow(
                (row["FilePath"], row["LineStart"], row["LineEnd"], row["GroundTruth"], row["Category"], half)
            )


if __name__ == "__main__":
    main()
