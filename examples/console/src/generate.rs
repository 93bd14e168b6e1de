//! Generates manual pages and completion scripts from a program's arguments, for packages.

use clap::{Command, ValueEnum};
use clap_complete::{Shell, generate};

/// Kind of generated text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Generated {
    /// Completions for bash
    Bash,
    /// Completions for fish
    Fish,
    /// The manual page
    Man,
    /// Completions for zsh
    Zsh,
}

impl Generated {
    /// Generates the text from a program's arguments.
    ///
    /// # Errors
    /// The page cannot be rendered.
    pub fn render(self, command: Command) -> std::io::Result<String> {
        let mut bytes = Vec::new();
        let shell = match self {
            Self::Bash => Shell::Bash,
            Self::Fish => Shell::Fish,
            Self::Zsh => Shell::Zsh,
            Self::Man => {
                clap_mangen::Man::new(command).render(&mut bytes)?;
                return Ok(String::from_utf8_lossy(&bytes).into_owned());
            }
        };
        let mut command = command;
        let name = command.get_name().to_owned();
        generate(shell, &mut command, name, &mut bytes);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
