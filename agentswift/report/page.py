"""The one place that makes HTML: every value is escaped, nothing is fetched, no script runs."""

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any

from agentswift.errors import OutputError
from agentswift.files import write_text
from agentswift.report.visible import visible

_HERE = Path(__file__).parent


def write_page(path: Path, template: str, **values: Any) -> None:
    """Render report/TEMPLATE.html.jinja with `values` and write it whole. Raises OutputError.

    The content security policy allows the page's own style by its hash and nothing else: should a value ever come
    through unescaped, it could neither run nor load anything.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    pages = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    pages.filters.update(visible=lambda value: visible(str(value)), share=_share)
    style = (_HERE / "style.css.jinja").read_text(encoding="utf-8")
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    page = pages.get_template(f"{template}.html.jinja")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder of {path}: {error.strerror}.") from error
    # Markup: our own file, which holds no value; escaped, its hash would not fit.
    write_text(path, page.render(values | {"style": Markup(style), "policy": policy}))


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"
