"""`tinyae data list|where|get`: the data sets, where they are on this machine, and how they get there."""

import sys
import textwrap


def add(commands):
    """The options of `tinyae data` and its three parts."""
    data = commands.add_parser(
        "data",
        help="list the data sets, find them on this machine, download them",
        description="The data sets tinyae knows: list them, say where they are on this machine, download them.",
        epilog="example: tinyae data list",
    )
    parts = data.add_subparsers(dest="part", metavar="PART", required=True, parser_class=type(data))
    _add_list(parts)
    _add_where(parts)
    _add_get(parts)


def _add_list(parts):
    parser = parts.add_parser(
        "list",
        help="a table of all data sets, or everything about one",
        description="A table of all data sets; with a name all that is known of it: files, checksums, addresses, "
        "licence, citation, which commands use it.",
        epilog="example: tinyae data list mnist",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="one data set (default: a table of all)")
    _add_data_dir(parser)
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.set_defaults(run=run_list)


def _add_where(parts):
    parser = parts.add_parser(
        "where",
        help="the paths of a data set on this machine",
        description="The paths of a data set's files on this machine, a line each; exit code 1 where it is not here. "
        "Without a name: a line for every set.",
        epilog="example: tinyae data where",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="one data set (default: all)")
    _add_data_dir(parser)
    parser.set_defaults(run=run_where)


def _add_get(parts):
    parser = parts.add_parser(
        "get",
        help="download a data set",
        description="Download a data set, check it, and put it where every command finds it. A download that broke "
        "off goes on where it was.",
        epilog="example: tinyae data get digits",
    )
    parser.add_argument("name", metavar="NAME", help="a name from tinyae data list")
    parser.add_argument(
        "--data-dir", metavar="DIR", help="put it into DIR/NAME/, made if need be (default: the user's cache folder)"
    )
    parser.add_argument(
        "--accept-licence", action="store_true", help="agree to the terms that tinyae data list NAME shows"
    )
    parser.set_defaults(run=run_get)


def _add_data_dir(parser):
    parser.add_argument(
        "--data-dir", metavar="DIR", help="look in DIR alone (default: $TINYAE_DATA_DIR, then the user's cache folder)"
    )


def run_list(arguments):
    """`tinyae data list`."""
    import json

    from tinyae.datasets import catalogue

    if arguments.name is not None:
        facts = _facts(catalogue.find(arguments.name, "data list"), arguments.data_dir)
        print(json.dumps(facts, indent=2) if arguments.json else _in_lines(facts))
        return 0
    rows = [_facts(entry, arguments.data_dir) for entry in catalogue.ENTRIES]
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return 0
    print(f"{'name':<14}  {'download':>8}  {'here':<10}  what it is")
    for row in rows:
        size = f"{row['megabytes']:.1f} MB" if row["files"] else "–"
        print(f"{row['name']:<14}  {size:>8}  {row['here']:<10}  {row['what']}")
    print("\ntinyae data list NAME shows licence, citation and files; tinyae data get NAME downloads.")
    return 0


def _facts(entry, data_dir):
    """All that is known of a data set, as plain JSON."""
    from tinyae.datasets import catalogue
    from tinyae.datasets.checksum import split

    source = entry.source
    paths = [] if source.made_by_code else catalogue.locate(source, data_dir)
    here = "yes" if catalogue.published(source, data_dir) else "other file" if paths else "no"
    return {
        "name": source.name,
        "title": source.title,
        "what": source.content,
        "here": "built in" if source.made_by_code else here,
        "paths": [str(path) for path in paths],
        "used_by": list(entry.used_by),
        "megabytes": source.megabytes,
        "files": {name: checksum and ":".join(split(checksum)) for name, checksum in source.files.items()},
        "mirrors": list(source.mirrors),
        "also_accepted": list(source.substitutes),
        "homepage": source.homepage,
        "licence": source.licence,
        "terms": source.terms,
        "citation": source.citation,
        "note": source.note,
    }


def _in_lines(facts):
    """The facts for a reader, a line each; what is empty is left out."""
    lines = [("what", facts["what"]), ("here", facts["here"])]
    lines += [("", path) for path in facts["paths"]]
    lines += [("used by", ", ".join(facts["used_by"]))]
    if facts["files"]:
        lines += [("download", f"{facts['megabytes']:g} MB")]
    for name, checksum in facts["files"].items():
        published = "(no checksum is published; the loader checks the content)" if checksum is None else checksum
        lines.append(("file", f"{name}  {published}"))
    lines += [("from", mirror) for mirror in facts["mirrors"]]
    lines += [("or file", name) for name in facts["also_accepted"]]
    lines += [(name, facts[name]) for name in ("homepage", "licence", "terms", "citation", "note")]
    indent = " " * 10
    wrap = textwrap.TextWrapper(110, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join([facts["title"], *(wrap.fill(f"{name:<9} {text}") for name, text in lines if text)])


def run_where(arguments):
    """`tinyae data where`."""
    from tinyae.datasets import catalogue

    if arguments.name is None:
        for entry in catalogue.ENTRIES:
            print(f"{entry.source.name}: {_place(entry.source, arguments.data_dir)}")
        return 0
    source = catalogue.find(arguments.name, "data where").source
    if source.made_by_code:
        print(f"{source.name} is made by code and needs no file")
        return 0
    paths = catalogue.locate(source, arguments.data_dir)
    if not paths:
        how = f"tinyae data get {source.name}" if source.files else source.note
        print(f"tinyae: {source.name} is not on this machine; {how}", file=sys.stderr)
        return 1
    print(*paths, sep="\n")
    return 0


def _place(source, data_dir):
    from tinyae.datasets import catalogue

    if source.made_by_code:
        return "made by code"
    folders = dict.fromkeys(str(path.parent) for path in catalogue.locate(source, data_dir))
    return ", ".join(folders) or "not here"


def run_get(arguments):
    """`tinyae data get`."""
    from tinyae.datasets import catalogue
    from tinyae.files import writable_folder

    source = catalogue.find(arguments.name, "data get").source
    if source.made_by_code:
        print(f"{source.name} is made by code: nothing to download")
        return 0
    folder = None if arguments.data_dir is None else writable_folder(arguments.data_dir, "data get")
    if source.files:
        print(
            "\n".join([f"{source.title}. Licence: {source.licence}.", *textwrap.wrap(source.terms, 100)]),
            file=sys.stderr,
        )
    print(*catalogue.get(source, folder, arguments.accept_licence), sep="\n")
    return 0
