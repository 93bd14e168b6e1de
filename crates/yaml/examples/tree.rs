//! Prints the values of YAML files with their positions:
//! `cargo run -p eyas-yaml --example tree -- FILE...`.

use eyas_yaml::{Kind, Node, decode, parse};

fn main() -> Result<(), std::io::Error> {
    for path in std::env::args().skip(1) {
        println!("== {path}");
        let bytes = std::fs::read(&path)?;
        match parse(&decode(&bytes)) {
            Ok(parsed) => parsed.documents.iter().for_each(|document| {
                println!("doc");
                print(document, 0);
            }),
            Err(problem) => {
                let at = problem.mark;
                println!("error {}:{}:{}", at.line, at.column, at.offset);
                eprintln!("{}", problem.message);
            }
        }
    }
    Ok(())
}

fn print(node: &Node, depth: usize) {
    let at = node.mark;
    print!("{:depth$}{}:{}:{} ", "", at.line, at.column, at.offset);
    match &node.kind {
        Kind::Null => println!("null"),
        Kind::Scalar(text) => {
            let shown = |byte: &u8| match byte {
                b'\\' => "\\x5c".to_owned(),
                0x20..0x7f => char::from(*byte).to_string(),
                byte => format!("\\x{byte:02x}"),
            };
            println!("s {}", text.as_bytes().iter().map(shown).collect::<String>());
        }
        Kind::Seq(items) => {
            println!("seq");
            items.iter().for_each(|item| print(item, depth + 1));
        }
        Kind::Map(pairs) => {
            println!("map");
            pairs.iter().flat_map(|(key, value)| [key, value]).for_each(|node| print(node, depth + 1));
        }
    }
}
