//! The sandbox command.
/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct SandboxArgs {}
pub(crate) fn command(
    _: &SandboxArgs,
    _: &std::path::Path,
    _: &super::ui::Ui,
) -> Result<super::failure::Exit, super::failure::Failure> {
    Ok(super::failure::Exit::Done)
}
