"""What is known about a published data set: its files, their checksums, where they are offered, on what terms."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Source:
    """A data set as it is published; plain facts, nothing is read or fetched here.

    Parameters
    ----------
    name : str
        Folder of the set in every root, and what `tinyae data get` calls it: "mnist".
    title : str
        For people: "MNIST".
    content : str
        What it is, with counts and shape: "60,000 + 10,000 grey images of 28 x 28, ten handwritten digits".
    files : dict
        Name of each file to download and the checksum its publisher states: "md5:...", "sha1:...", "sha256:..." or
        "git-blob:..." (a file's id in a git repository); an md5 may stand bare. None where none is published: then the
        loader judges the content.
    mirrors : tuple of str
        Addresses that offer the files, best first; address + file name is the URL.
    members : dict
        For files that are archives (.zip, .tar.gz): name of the archive and the names inside it that the loader reads,
        {"ml-100k.zip": ("ml-100k/u.data", ...)}. They may also lie unpacked, alone, or packed by gzip.
    substitutes : tuple of str
        Names of other files that the loader takes in place of `files`, one of them at a time; nobody offers them for
        download.
    megabytes : float
        Size of the download, 10^6 bytes.
    licence, citation, homepage : str
        One line each. "none stated" is an answer.
    terms : str
        What has to be agreed to before a download; empty where nothing has to.
    note : str
        What else people should know, in a sentence.
    """

    name: str
    title: str = ""
    content: str = ""
    files: dict = field(default_factory=dict)
    mirrors: tuple = ()
    members: dict = field(default_factory=dict)
    substitutes: tuple = ()
    megabytes: float = 0.0
    licence: str = "none stated"
    citation: str = ""
    homepage: str = ""
    terms: str = ""
    note: str = ""

    @property
    def made_by_code(self):
        """True for a built-in set, which needs no file."""
        return not self.files and not self.substitutes

    def urls(self, file):
        """Every address of one of the files."""
        return [mirror + file for mirror in self.mirrors]

    def archive_of(self, member):
        """(archive, full name inside it) of a member, given by that name or by its last part; None for no member."""
        for archive, names in self.members.items():
            for name in names:
                if name == member or name.endswith(f"/{member}"):
                    return archive, name
        return None
