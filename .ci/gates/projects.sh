#!/usr/bin/env bash
# Brings three projects that nobody here wrote, and the tools that judge them, into a folder: from crates.io, npm and PyPI,
# each fixed by its digest. The tests of the gates compare what the gates say of them with what the tools say themselves.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
to="$1"

# What was brought for the same lists is kept.
lists="$(cat "$0" "$here"/{rust,typescript,python}/* | sha256sum)"
if [ "$(cat "$to/lists" 2> /dev/null)" = "$lists" ]; then exit 0; fi
rm -rf "$to" && mkdir -p "$to"
to="$(cd "$to" && pwd)"

own_repository() {
  git init -q "$1"
  printf '%s\n' node_modules .venv target .pilotage > "$1/.git/info/exclude"
  git -C "$1" add -A
  git -C "$1" -c user.name=gates -c user.email=gates@example.com -c commit.gpgSign=false commit -qm 'Bring the source'
}

mkdir -p "$to/crate/src" && cp "$here"/rust/Cargo.* "$to/crate" && touch "$to/crate/src/lib.rs"
cargo vendor --quiet --locked --manifest-path "$to/crate/Cargo.toml" "$to/crate/vendor" > /dev/null
mv "$to/crate/vendor/semver" "$to/rust"
cp "$here/rust/pilotage.yaml" "$to/rust"
# Its benchmark needs a hundred crates more, and nothing here looks at it.
sed -i '/^\[\[bench\]\]/,/^$/d; /dev-dependencies.criterion\]/,/^$/d' "$to/rust/Cargo.toml" && rm -r "$to/rust/benches"
# Cargo would take it for a member of the workspace that it lies in.
printf '\n[workspace]\n' >> "$to/rust/Cargo.toml"
cargo fetch --quiet --manifest-path "$to/rust/Cargo.toml"

mkdir -p "$to/npm" && cp "$here"/typescript/package*.json "$to/npm"
npm ci --silent --no-audit --no-fund --ignore-scripts --prefix "$to/npm"
mv "$to/npm/node_modules/zod" "$to/typescript"
mv "$to/npm/node_modules" "$to/typescript"
cp "$here"/typescript/{pilotage.yaml,tsconfig.json,eslint.config.js,vitest.config.js} "$to/typescript"

pip() { python3 -m pip --quiet --disable-pip-version-check "$@"; }
# Programs of an environment name its place in their first line, so it is not moved afterwards.
mkdir "$to/python"
environment="$to/python/.venv/bin/python"
python3 -m venv --without-pip "$to/python/.venv"
pip --python "$environment" install --only-binary=:all: --require-hashes --no-deps -r "$here/python/tools.txt"
pip --python "$environment" download --no-binary=:all: --require-hashes --no-deps --no-build-isolation \
  --dest "$to/sdist" -r "$here/python/project.txt"
tar -xzf "$to"/sdist/*.tar.gz --strip-components=1 -C "$to/python"
cp "$here/python/pilotage.yaml" "$to/python"

for project in rust typescript python; do own_repository "$to/$project"; done
rm -rf "$to"/{crate,npm,sdist}
printf '%s' "$lists" > "$to/lists"
