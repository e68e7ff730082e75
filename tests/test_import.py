"""What importing costs, who may import whom, and that everything says what it is."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import tinyae

ROOT = Path(tinyae.__file__).parent
MODULES = ["tinyae", *(m.name for m in pkgutil.walk_packages([str(ROOT)], "tinyae."))]

# Each module imports only from those above it; names on one line know nothing of each other.
ORDER = (
    ("checks", "tables", "version"),
    ("files", "penalties", "pictures", "scaling"),
    ("reporting", "samples"),
    ("datasets", "kernels"),
    ("layers", "corruption", "warping"),
    ("losses", "schedules", "contractive", "minimisers"),
    ("optimizers", "gradcheck", "summary", "export", "objective"),
    ("training",),
    ("analysis", "codespace", "descent", "inside", "jacobian", "landscape", "neighbour_search", "probe"),
    ("baselines", "logistic_pca", "neighbour_embedding"),
    ("diagnosis",),
    ("autoencoder",),
    ("architectures", "copying", "linear", "stacked", "storage", "variational"),
    ("gradcases", "rbm", "callbacks"),
    ("plots", "trace", "verdicts"),
    ("applications", "keras"),
    ("experiments",),
    ("estimators",),
    ("commands",),
    ("cli",),
)
LEVEL = {name: level for level, names in enumerate(ORDER) for name in names}

# What these stand on; they are imported when somebody asks for them.
OPTIONAL = {"tinyae.export.torch_modules": "torch", "tinyae.export.onnx_graph": "onnx"}
OPTIONAL |= {name: "sklearn" for name in MODULES if name.startswith("tinyae.estimators")}


def path_of(module):
    path = ROOT.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imported(module):
    """Names of tinyae's modules that `module` imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path_of(module).read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import in line {node.lineno}"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "tinyae":
                while name not in MODULES:  # a function or class: its module
                    name = name.rpartition(".")[0]
                yield name


def test_every_module_has_its_place():
    parts = {name.split(".")[1] for name in MODULES[1:]}
    assert parts == set(LEVEL), "add a new module to ORDER"


@pytest.mark.parametrize("module", MODULES[1:])
def test_imports_go_upward_only(module):
    mine = module.split(".")[1]
    for name in imported(module):
        assert name != "tinyae", f"{module} imports from the package itself"
        other = name.split(".")[1]
        assert other == mine or LEVEL[other] < LEVEL[mine], f"{module} imports {name}"


def test_no_module_imports_itself_through_others():
    graph = {module: set(imported(module)) - {module} for module in MODULES[1:]}
    packages = {module for module in graph if path_of(module).name == "__init__.py"}
    for module in graph:  # a package's __init__ gathers its own modules, which never look back at it
        own = {p for p in packages if module.startswith(p + ".")}
        assert not graph[module] & own, f"{module} imports from its own package's __init__"
    done = set()
    while len(done) < len(graph):
        ready = {m for m in graph if m not in done and graph[m] <= done}
        assert ready, f"a circle among {sorted(set(graph) - done)}"
        done |= ready


def libraries(nodes):
    """Names of the packages that import statements among `nodes` bring."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.split(".")[0])
    return found


def test_only_plots_imports_matplotlib():
    """Anywhere; other optional libraries may be imported inside a function that needs them."""
    for module in MODULES:
        tree = ast.parse(path_of(module).read_text())
        assert "matplotlib" not in libraries(ast.walk(tree)) or module.startswith("tinyae.plots"), module
        optional = {"torch", "sklearn", "scipy", "skimage", "onnx", "onnxruntime"} - {OPTIONAL.get(module)}
        assert not libraries(tree.body) & optional, module


def test_estimators_say_what_they_need():
    hidden = "import sys; sys.modules['sklearn'] = None; import tinyae.estimators"
    run = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True)
    said = run.stderr.splitlines()[-1]
    assert said.startswith("ImportError: tinyae.estimators needs scikit-learn >= 1.6: pip install 'tinyae[sklearn]'")


def loaded_by(statement):
    code = f"import sys\n{statement}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


@pytest.mark.slow
def test_import_loads_no_more_than_it_needs():
    loaded = loaded_by("import tinyae")
    assert {"tinyae", "numpy", "numba"} <= loaded
    by_numba = loaded_by("import numba")  # looks for SciPy, and loads it where it finds it
    assert not (loaded - by_numba) & {"matplotlib", "torch", "onnx", "sklearn", "scipy", "pooch", "requests", "PIL"}


def test_command_line_loads_no_more_than_it_needs():
    assert not loaded_by("import tinyae.cli; tinyae.cli.main(['gradcheck', '--no'])") & {"matplotlib", "pooch"}


def module_or_skip(module):
    """The module; skips where it stands on a library that is not installed."""
    if module in OPTIONAL:
        pytest.importorskip(OPTIONAL[module])
    return importlib.import_module(module)


@pytest.mark.parametrize("module", MODULES)
def test_everything_announced_is_there(module):
    where = module_or_skip(module)
    names = getattr(where, "__all__", ())
    assert len(set(names)) == len(names)
    for name in names:
        assert hasattr(where, name), f"{module}.{name}"


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is(module):
    text = ast.get_docstring(ast.parse(path_of(module).read_text()))
    assert text and len(text.splitlines()[0]) >= 10


@pytest.mark.parametrize("module", MODULES)
def test_every_public_class_and_function_says_what_it_does(module):
    where = module_or_skip(module)
    for name, thing in vars(where).items():
        mine = getattr(thing, "__module__", None) == module
        if mine and not name.startswith("_") and (inspect.isclass(thing) or inspect.isfunction(thing)):
            assert thing.__doc__ and not thing.__doc__.startswith(f"{name}("), f"{module}.{name}"
