# Makes /testbed of an image what a workspace shows: the state of now as one commit above the base commit, and nothing
# else of its history. Runs once as root in a container without network. BASE, BASE_TREE: see docker_prepare.py.
# Writes names and values for the host to file descriptor 1, each ended by a zero byte. Exit codes: _MEANINGS there.
set -u
command -v git >/dev/null || exit 70
command -v perl >/dev/null || exit 79
command -v comm >/dev/null && command -v sort >/dev/null && command -v mktemp >/dev/null || exit 76
[ -e /testbed/.git ] || exit 71
cd /testbed || exit 71
scratch=$(mktemp -d) || exit 76
export GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 GIT_LITERAL_PATHSPECS=1
export GIT_ALLOW_PROTOCOL=none GIT_ATTR_NOSYSTEM=1 GIT_NO_LAZY_FETCH=1 GIT_NO_REPLACE_OBJECTS=1
home=${HOME:-/root} HOME=$scratch
export HOME GIT_CONFIG_GLOBAL="$scratch/.gitconfig" GIT_AUTHOR_NAME=forge GIT_COMMITTER_NAME=forge
export GIT_AUTHOR_EMAIL=forge@localhost GIT_COMMITTER_EMAIL=forge@localhost
export GIT_AUTHOR_DATE=2020-01-01T00:00:00+0000 GIT_COMMITTER_DATE=2020-01-01T00:00:00+0000
printf '[safe]\n\tdirectory = *\n[core]\n\tautocrlf = false\n\tfsmonitor = false\n\thooksPath = /dev/null\n[gc]\n\tauto = 0\n' >"$GIT_CONFIG_GLOBAL"
own=$(stat -c %u /testbed)
find /testbed ! -uid 0 -exec chown -h 0:0 {} + || exit 77

# A git folder of one's own: no hooks, filters, worktrees or alternates of the image's.
git cat-file -e HEAD^{commit} 2>/dev/null || exit 71
base=$(git rev-parse --verify -q "${BASE:-HEAD}^{commit}") || exit 72
old=$(git rev-parse --absolute-git-dir)
git -c core.fsmonitor=false diff --name-only -z --no-ext-diff --ignore-submodules=all HEAD 2>/dev/null | sort -z >"$scratch/edited" || exit 73
tree=$(git rev-parse 'HEAD^{tree}')
git init -q -b main --template= "$scratch/new" 2>/dev/null || git init -q --template= "$scratch/new" || exit 73
new=$scratch/new/.git
mkdir -p "$new/info" "$new/objects/info"
printf '%s' "$ATTRIBUTES" >"$new/info/attributes"
echo "$old/objects" >"$new/objects/info/alternates"
echo "$base" >"$new/shallow"
echo 'ref: refs/heads/main' >"$new/HEAD"
export GIT_DIR=$new GIT_WORK_TREE=/testbed
git config user.name forge && git config user.email forge@localhost && git config core.logAllRefUpdates false
git read-tree "$tree" || exit 73

# Files have the bytes of their blobs, but those that the image's makers edited and did not commit.
git diff --name-only -z --ignore-submodules=all | sort -z | comm -z -13 "$scratch/edited" - >"$scratch/converted"
if [ -s "$scratch/converted" ]; then xargs -0 git checkout -q -- <"$scratch/converted" || exit 73; fi
if [ -s /.forge/bug.patch ]; then git apply --whitespace=nowarn /.forge/bug.patch || exit 74; fi
git add -A . || exit 73
tree=$(git write-tree) || exit 73
head=$base
if [ "$tree" != "$(git rev-parse "$base^{tree}")" ]; then
    head=$(git commit-tree "$tree" -p "$base" -m SWE-bench) || exit 73
fi
git update-ref refs/heads/main "$head" || exit 73
git repack -a -d -q 2>"$scratch/said" || { cat "$scratch/said" >&2; exit 73; }
rm "$new/objects/info/alternates"
git prune --expire=now
git cat-file --batch-all-objects --batch-check='%(objecttype) %(objectname)' | while read -r kind name; do
    if [ "$kind" = tag ] || { [ "$kind" = commit ] && [ "$name" != "$head" ] && [ "$name" != "$base" ]; }; then
        exit 75
    fi
done || exit 75
unset GIT_DIR GIT_WORK_TREE
rm -rf "$old" /testbed/.git
mv "$new" /testbed/.git
git config --unset core.worktree
[ -z "$(git status --porcelain --ignore-submodules=all)" ] || exit 73
# Of another user, so that a root without capabilities can't write it.
rm -rf /base.git && cp -a /testbed/.git /base.git && chown -R 65534:65534 /base.git && chmod -R a-w,a+rX /base.git || exit 77

# The Python that a login would find, and where there is one, the environment of swebench's images.
command -v bash >/dev/null || exit 78
printf 'head\0%s\0base\0%s\0owner\0%s\0' "$head" "$base" "$own"
for place in /opt/*/envs/testbed /root/*/envs/testbed /testbed/.venv; do
    if [ -x "$place/bin/python" ]; then printf 'python\0%s\0' "$place"; break; fi
done
rm -rf "$scratch"
unset GIT_ALLOW_PROTOCOL GIT_ATTR_NOSYSTEM GIT_NO_LAZY_FETCH GIT_NO_REPLACE_OBJECTS
unset GIT_CONFIG_NOSYSTEM GIT_TERMINAL_PROMPT GIT_LITERAL_PATHSPECS GIT_CONFIG_GLOBAL GIT_AUTHOR_NAME GIT_COMMITTER_NAME \
    GIT_AUTHOR_EMAIL GIT_COMMITTER_EMAIL GIT_AUTHOR_DATE GIT_COMMITTER_DATE BASE ATTRIBUTES
cd /
export HOME="$home"
bash -c 'printf "PLAIN\0\0"; exec cat /proc/self/environ'
BASH_ENV=/root/.bashrc bash -c 'printf "LOGIN\0\0"; exec cat /proc/self/environ' 2>/dev/null </dev/null
exit 0
