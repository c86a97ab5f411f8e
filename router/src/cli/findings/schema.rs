//! `hubrouter schema`: what a configuration file may hold, for editors and for readers.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::{CannotRun, Outcome, Printed, finish, write_json};

/// Prints what a configuration file may hold.
#[derive(Args, Clone, Debug)]
pub struct SchemaArgs {
    /// For editors, or for readers.
    #[arg(long, value_enum, default_value_t)]
    pub format: SchemaFormat,
}

/// In which form the schema is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemaFormat {
    /// A JSON Schema.
    #[default]
    Json,
    /// The reference page.
    Markdown,
}

/// Runs `schema` with this process's output.
#[must_use]
pub fn schema(args: &SchemaArgs) -> ExitCode {
    finish(run(args, &mut Printed::new()))
}

fn run(args: &SchemaArgs, out: &mut dyn Write) -> Result<Outcome, CannotRun> {
    match args.format {
        SchemaFormat::Json => write_json(out, &hubrouter_config::schema())?,
        SchemaFormat::Markdown => out.write_all(hubrouter_config::reference().as_bytes())?,
    }
    Ok(Outcome::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(format: SchemaFormat) -> String {
        let mut out = Vec::new();
        assert_eq!(run(&SchemaArgs { format }, &mut out).unwrap(), Outcome::Fine);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_schema_is_json_and_knows_the_hubs() {
        let schema: serde_json::Value = serde_json::from_str(&printed(SchemaFormat::Json)).unwrap();
        assert!(schema["properties"]["hubs"].is_object());
    }

    #[test]
    fn the_reference_is_markdown_and_knows_the_hubs() {
        let page = printed(SchemaFormat::Markdown);
        assert!(page.starts_with('#'), "{page:.80}");
        assert!(page.contains("hubs"));
    }
}
