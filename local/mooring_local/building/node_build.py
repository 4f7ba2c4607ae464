"""Installs and builds a Node project in its place, and drops what is only there for development."""

import shutil
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from mooring.settings import whole
from mooring_local import commands, npm, runtimes
from mooring_local.building import node_projects
from mooring_local.building.node_projects import Project
from mooring_local.packages import BuildFailed, Progress

_QUIET = {
    "CI": "true",
    "NO_COLOR": "1",
    "FORCE_COLOR": "0",
    "HUSKY": "0",
    "npm_config_fund": "false",
    "npm_config_audit": "false",
    "npm_config_update_notifier": "false",
    "npm_config_progress": "false",
    "npm_config_engine_strict": "false",
    "DISABLE_OPENCOLLECTIVE": "1",
    "ADBLOCK": "1",
    "NEXT_TELEMETRY_DISABLED": "1",
    "YARN_ENABLE_TELEMETRY": "0",
    "YARN_NODE_LINKER": "node-modules",
    "YARN_ENABLE_PROGRESS_BARS": "0",
    "YARN_ENABLE_IMMUTABLE_INSTALLS": "false",
    "YARN_IGNORE_PATH": "1",
    "COREPACK_ENABLE_STRICT": "0",
    # A browser of 300 MB is nothing that a bundle holds.
    "PUPPETEER_SKIP_DOWNLOAD": "1",
    "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1",
}
SCRIPT_HINTS: commands.Hints = (
    *npm.NPM.hints,
    (
        ("error TS", "TS2307", "TS2345"),
        "Its TypeScript does not compile; correct it, or commit the lock file of versions it compiles with",
    ),
    ((": not found", "command not found"), "Add what the script calls to devDependencies"),
    (("Cannot find module", "ERR_MODULE_NOT_FOUND"), "Add the module that is missing to its dependencies"),
    (("heap out of memory",), "The build needs more memory than it may have; build less"),
    (
        ("Unsupported engine", "SyntaxError: Unexpected token", "requires Node"),
        "It needs another version of Node",
    ),
)
_NOT_IN_STEP = (
    *("npm ci` can only install", "can only install packages when", "ERR_PNPM_OUTDATED_LOCKFILE"),
    *("ERR_PNPM_LOCKFILE_BREAKING_CHANGE", "frozen-lockfile", "ERR_PNPM_LOCKFILE_CONFIG_MISMATCH"),
    *("YN0028", "ERR_PNPM_FROZEN", "EUSAGE"),
)


class NodeBuild:
    """Runs the tools of one project. `needed` says which commands and modules its start names."""

    def __init__(self, project: Project, runtimes_dir: Path, progress: Progress, lock: int) -> None:
        self._project = project
        self._node = runtimes.node(runtimes_dir, progress)
        self._progress = progress
        self._lock = lock

    def run(self, needed: Sequence[str]) -> None:
        """Install, build and prune.

        Raises:
            BuildFailed
        """
        project = self._project
        builds = project.needs_development
        is_kept = builds or self._names_development(needed)
        for path in self._modules():
            shutil.rmtree(path, ignore_errors=True)  # of another machine, or of nobody knows which versions
        if not project.is_bare:
            self._install(with_development=is_kept)
        if builds:
            self._build()
        if builds and self._development() and not self._names_development(needed):
            self._prune()

    def install_only(self) -> None:
        """Install what the server runs with, of a project that is built already.

        Raises:
            BuildFailed
        """
        self._install(with_development=False)

    def _modules(self) -> list[Path]:
        places = {self._project.root, self._project.folder, *node_projects.members(self._project.root)}
        return [place / "node_modules" for place in places]

    def _names_development(self, needed: Sequence[str]) -> bool:
        """Say whether the start names something of the devDependencies, so that they are to stay."""
        names = self._development()
        prefixes = tuple(f"{name}/" for name in names)
        known = names | self._commands_of(names)
        return any(word in known or word.startswith(prefixes) for word in needed)

    def _development(self) -> set[str]:
        """Return the names of what is only there for development."""
        names: set[str] = set()
        for place in {self._project.folder, self._project.root, *node_projects.members(self._project.root)}:
            about = node_projects.manifest(place, self._project.root) or {}
            lasting = node_projects.dependencies(about, "dependencies", "optionalDependencies")
            names |= set(node_projects.dependencies(about, "devDependencies")) - set(lasting)
        return names

    def _commands_of(self, names: set[str]) -> set[str]:
        """Return the commands of packages: as they are installed, or guessed by their names before that."""
        found = {name.rpartition("/")[2] for name in names} | ({"tsc"} if "typescript" in names else set())
        for place in (self._project.folder, self._project.root):
            for name in names:
                about = node_projects.manifest(place / "node_modules" / name, self._project.root)
                found |= set(node_projects.bins(about or {}))
        return found

    def _install(self, *, with_development: bool) -> None:
        project = self._project
        said = f"Installing with {self._tool_name()}" + ("" if project.lock else " (no lock file)")
        self._progress(said)
        strict, loose = _install_commands(project, with_development)
        if project.lock is None:
            self._call(loose, "install the dependencies")
            return
        try:
            self._call(strict, "install the dependencies")
        except commands.CommandFailed as error:
            if not any(text in line for text in _NOT_IN_STEP for line in error.lines):
                raise
            self._progress(
                "The lock file is not in step with package.json: installing without it being frozen"
            )
            self._call(loose, "install the dependencies")

    def _build(self) -> None:
        for folder in node_projects.in_order(self._project):
            about = node_projects.manifest(folder, self._project.root) or {}
            name = next((n for n in ("build", "prestart") if n in node_projects.scripts(about)), None)
            if name is None:
                continue
            where = "" if folder == self._project.folder else f" of {folder.name}"
            self._progress(f"Running the script {name}{where}")
            words = ["run", name] if self._project.tool != "npm" else ["run", "--silent", name]
            self._call(words, f"run the script {name}{where}", folder)

    def _prune(self) -> None:
        project = self._project
        self._progress("Dropping what is only there for development")
        try:
            self._call(_prune_command(project), "drop the devDependencies")
        except BuildFailed as error:  # it works with them too
            self._progress(f"They stay: {error.cause}")

    def _tool_name(self) -> str:
        return {"berry": "yarn", "npm": "npm ci" if self._project.lock else "npm"}.get(
            self._project.tool, self._project.tool
        )

    def _call(self, words: Sequence[str], what: str, folder: Path | None = None) -> None:
        tool = self._project.tool
        program = commands.Program("yarn" if tool == "berry" else tool, "npm error", SCRIPT_HINTS)
        commands.run(
            program,
            what,
            [*self._tool, *words],
            folder=folder or self._project.root,
            environment=self._environment(),
            progress=self._progress,
            lock=self._lock,
        )

    @cached_property
    def _tool(self) -> list[str]:
        """Return the command that is the project's tool; npx fetches what is not npm."""
        tool = self._project.tool
        if tool == "npm":
            return list(self._node.npm)
        name = "pnpm" if tool == "pnpm" else "yarn"
        package = f"{'@yarnpkg/cli-dist' if tool == 'berry' else name}@{self._project.version}"
        # Where npx has put it: npm itself takes its time, and would do so at each call.
        asked = ["exec", "--yes", f"--package={package}", "--", "node", "-p", "process.env.PATH"]
        answer = commands.run(
            npm.NPM,
            f"fetch {package}",
            [*self._node.npm, *asked],
            folder=self._project.root,
            environment=self._environment(),
            lock=self._lock,
        )
        found = shutil.which(name, path=answer[-1] if answer else "")
        if found is None:
            raise BuildFailed(f"npm has no {package}", "Correct packageManager in package.json")
        return [found]

    def _environment(self) -> Mapping[str, str]:
        given = self._node.environment if self._node.environment is not None else whole()
        # What npm tells its children of the project that it was started in is not meant for this one.
        kept = {
            name: value
            for name, value in given.items()
            if not name.startswith(("npm_package_", "npm_lifecycle_"))
        }
        return {**kept, **self._registry(), **_QUIET}

    def _registry(self) -> dict[str, str]:
        """Return what has yarn, which has a registry of its own, use that of npm."""
        if self._project.tool not in ("yarn", "berry"):
            return {}
        command = [*self._node.npm, "config", "get", "registry"]
        answer = commands.run(npm.NPM, "say its registry", command, environment=self._node.environment)
        address = answer[-1].strip() if answer else ""
        if not address.startswith(("https://", "http://")):
            return {}
        host = address.partition("://")[2].partition("/")[0].partition(":")[0]
        insecure = {"YARN_UNSAFE_HTTP_WHITELIST": host} if address.startswith("http://") else {}
        return {"npm_config_registry": address, "YARN_NPM_REGISTRY_SERVER": address.rstrip("/"), **insecure}


def _install_commands(project: Project, with_development: bool) -> tuple[list[str], list[str]]:
    """Return how to install what the lock says, and how without its being held to."""
    if project.tool == "npm":
        # Its own scripts would need what is not installed, those of its dependencies are wanted.
        options = ["--no-audit", "--no-fund", "--loglevel=error"]
        options += ["--include=dev"] if with_development else ["--omit=dev"]
        return ["ci", *options], ["install", "--no-save", *options]
    if project.tool == "pnpm":
        options = ["--config.node-linker=hoisted", "--config.package-import-method=copy"]
        options += ["--config.extend-node-path=false", "--config.confirm-modules-purge=false"]
        options += ["--config.manage-package-manager-versions=false", "--reporter=append-only"]
        options += ["--config.dangerously-allow-all-builds=true"]
        options += [] if with_development else ["--prod"]
        return ["install", "--frozen-lockfile", *options], ["install", "--no-frozen-lockfile", *options]
    if project.tool == "yarn":
        options = ["--non-interactive", "--no-progress", *([] if with_development else ["--production"])]
        return ["install", "--frozen-lockfile", *options], ["install", *options]
    return ["install", "--immutable"], ["install", "--no-immutable"]


def _prune_command(project: Project) -> list[str]:
    if project.tool == "npm":
        return ["prune", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if project.tool == "pnpm":
        _, loose = _install_commands(project, with_development=False)
        frozen = "--frozen-lockfile" if project.lock else "--no-frozen-lockfile"
        return ["install", frozen, "--ignore-scripts", "--prefer-offline", *loose[2:]]
    if project.tool == "yarn":
        options = [
            "--non-interactive",
            "--no-progress",
            "--production",
            "--ignore-scripts",
            "--prefer-offline",
        ]
        return ["install", *options]
    return ["workspaces", "focus", "--all", "--production"]
