//! `--to-sql`: translates conditions of rules to SQL queries for tables of events.

use anyhow::{Result, bail};
use eyas::rules::condition::{Sql, sql};
use eyas::rules::{Engine, Rule};
use eyas_console::{note, print};

use crate::args::Args;
use crate::config::Config;
use crate::{explain, rules};

/// Prints the rule as SQL, or every enabled rule. Returns whether SQL can express everything.
pub fn run(wanted: &str, args: &Args, config: &Config) -> Result<bool> {
    let engine = match wanted {
        "" => rules::load(args, config)?,
        // Whether it is on or not.
        _ => rules::load_each(&rules::present(args, config).0, config)?,
    };
    let wanted: Vec<&Rule> = match wanted {
        "" => engine.rules().iter().filter(|rule| rule.enabled).collect(),
        name => match explain::find(&engine, name)? {
            (rule, None) => vec![engine.rule(rule)],
            (_, Some(_)) => bail!("--to-sql {name}: name a rule, not an event"),
        },
    };
    let mut is_whole = true;
    for rule in wanted {
        let (text, sql) = query(rule, &engine);
        print(&text)?;
        for missing in &sql.unexpressed {
            is_whole = false;
            note!("{}: SQL cannot express `{}`: {}", rule.name, missing.test, missing.reason);
        }
    }
    Ok(is_whole)
}

/// The query, with its requirements as comments.
fn query(rule: &Rule, engine: &Engine) -> (String, Sql) {
    let sql = sql(&rule.compiled, engine.schema());
    let names: Vec<&str> = sql.fields.iter().map(|field| &*field.text).collect();
    let mut text = format!("-- {}\n-- columns: {}\n", one_line(&rule.name), one_line(&names.join(",")));
    for missing in &sql.unexpressed {
        text += &format!("-- finds more than the rule, without `{}`\n", one_line(&missing.test));
    }
    text += &format!("SELECT * FROM events WHERE {};\n", sql.text);
    (text, sql)
}

/// A comment ends at the end of the line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
