"""Fashion-MNIST: 70,000 photographs of clothes in MNIST's format, from an installed package or a download."""

from __future__ import annotations

from pathlib import Path

from mnist_np.data.cache import cache_folder
from mnist_np.data.dataset import DataError

CLASS_NAMES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts it."""

ADDRESSES = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
)
"""The authors' addresses. Plain HTTP does no harm: the bytes are checked."""

SHA256 = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}


DECOMPRESSED_SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""Of the same files' content: Debian compresses it anew, without names and times."""


def folder() -> Path:
    """The folder of Debian's package, or else of the download. Raises DataError that names the ways to get the files."""
    return DEBIAN if DEBIAN.is_dir() else downloaded()


def downloaded() -> Path:
    """The folder with the four files in the user's cache, fetched where they are missing or not those of the authors.

    Raises DataError.
    """
    from mnist_np.data.download import download  # the HTTP modules take a while

    base = cache_folder()
    if base is None:
        raise _nowhere("and there is no cache folder to download it to (MNIST_NP_CACHE)")
    target = base / "fashion-mnist"
    for name, sha256 in SHA256.items():
        try:
            download([address + name for address in ADDRESSES], target / name, sha256)
        except DataError as error:
            raise _nowhere(f"and downloading it failed ({error})") from None
    return target


def _nowhere(why: str) -> DataError:
    return DataError(
        f"Fashion-MNIST is not on this machine, {why}. Give the folder of its four files (data.folder=PATH), "
        "or install Debian's package dataset-fashion-mnist, or try again with a network connection."
    )
