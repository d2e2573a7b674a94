"""`agentswift export`: an adapter merged into its base."""

from pathlib import Path

from agentswift.compose import command
from agentswift.schema.groups import Model
from agentswift.schema.runs import Export


@command("export", shape=Export)
def main(run: Export) -> None:
    """Merge an adapter into its base model."""
    from agentswift.checkpoints import find_checkpoint
    from agentswift.engine.export import check_free, merge

    found = find_checkpoint(run.checkpoint)
    out = Path(run.output_dir).absolute() if run.output_dir else found.absolute().with_name(f"{found.name}-merged")
    check_free(out, run.overwrite)  # before the base is loaded, which takes long

    from agentswift.engine.checkpoint import trained

    model = Model(
        model="",
        model_type=None,
        template=None,
        torch_dtype=None,
        attn_impl=None,
        revision=None,
        trust_remote_code=run.trust_remote_code,
    )
    checkpoint = trained(str(found), model, run.hub)
    print(f"merging {found} into {checkpoint.manifest.model} ...", flush=True)
    merge(checkpoint, out, run.torch_dtype, run.overwrite, run.trust_remote_code)
    size = sum(f.stat().st_size for f in out.rglob("*") if f.is_file()) / 1e6
    print(f"Merged: {out} ({size:.0f} MB)")
    print(f"Next: agentswift eval checkpoint={out} data=NAME")
