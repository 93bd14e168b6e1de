//! Parquet's hybrid encoding of small numbers: runs of equal numbers, and bit-packed groups of eight.

/// Minimum length of a run of equal numbers.
const RUN: usize = 16;

/// Number of bits for numbers up to this one.
pub fn width_of(largest: u32) -> u32 {
    u32::BITS - largest.leading_zeros()
}

/// Appends numbers of `width` bits each.
pub fn write<T: Copy + PartialEq + Into<u32>>(out: &mut Vec<u8>, values: &[T], width: u32) {
    // Beginning of the numbers that are not packed yet.
    let mut begin = 0;
    let mut at = 0;
    while at < values.len() {
        let value = values[at];
        let equal = equal(&values[at..]);
        // Only the last group may have fewer than eight numbers, so the first numbers of the run complete
        // the previous group.
        let fill = (at - begin).wrapping_neg() % 8;
        if equal >= fill + RUN {
            pack(out, &values[begin..at + fill], width);
            repeat(out, value.into(), equal - fill, width);
            begin = at + equal;
        }
        at += equal;
    }
    pack(out, &values[begin..], width);
}

/// Number of values at the beginning that are equal.
fn equal<T: Copy + PartialEq>(values: &[T]) -> usize {
    const CHUNK: usize = 32;
    let Some(first) = values.first().copied() else { return 0 };
    let is_first = |other: &T| *other == first;
    // Most runs are short, or as long as the column.
    let few = values.iter().take(CHUNK).take_while(|other| is_first(other)).count();
    if few < CHUNK {
        return few;
    }
    // Without an early exit, the comparisons of a chunk become few instructions.
    let is_equal = |chunk: &&[T; CHUNK]| chunk.iter().fold(true, |all, other| all & is_first(other));
    let many = CHUNK * values.as_chunks().0.iter().take_while(is_equal).count();
    many + values[many..].iter().take_while(|other| is_first(other)).count()
}

fn repeat(out: &mut Vec<u8>, value: u32, count: usize, width: u32) {
    varint(out, (count as u64) << 1);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

fn pack<T: Copy + Into<u32>>(out: &mut Vec<u8>, values: &[T], width: u32) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(8);
    varint(out, (groups as u64) << 1 | 1);
    let end = out.len() + groups * width as usize;
    bits(out, values, width);
    out.resize(end, 0);
}

/// Appends numbers of `width` bits each one after the other, the first in the lowest bits.
pub fn bits<T: Copy + Into<u32>>(out: &mut Vec<u8>, values: &[T], width: u32) {
    let (mut word, mut filled) = (0_u64, 0);
    for value in values {
        word |= u64::from((*value).into()) << filled;
        filled += width;
        if filled >= 32 {
            out.extend_from_slice(&(word as u32).to_le_bytes());
            word >>= 32;
            filled -= 32;
        }
    }
    out.extend_from_slice(&word.to_le_bytes()[..filled.div_ceil(8) as usize]);
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes `count` numbers.
    fn read(mut bytes: &[u8], count: usize, width: u32) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let mut header = 0_u64;
            for shift in (0..).step_by(7) {
                let (byte, rest) = bytes.split_first().unwrap();
                bytes = rest;
                header |= u64::from(byte & 0x7f) << shift;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let number = (header >> 1) as usize;
            let is_packed = header & 1 == 1;
            let (length, many) = match is_packed {
                true => (number * width as usize, number * 8),
                false => (width.div_ceil(8) as usize, number),
            };
            let (body, rest) = bytes.split_at(length);
            bytes = rest;
            for at in 0..many {
                let begin = if is_packed { at * width as usize } else { 0 };
                let bit = |i: usize| u32::from(body[(begin + i) / 8] >> ((begin + i) % 8) & 1) << i;
                values.push((0..width as usize).map(bit).sum());
            }
        }
        assert!(bytes.is_empty() && values.len() < count + 8, "{} of {count}", values.len());
        values.truncate(count);
        values
    }

    #[test]
    fn encoded_numbers_are_decoded() {
        let mut seed = 7_u64;
        let mut random = move |below: u32| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as u32 % below
        };
        for width in [0, 1, 2, 3, 7, 8, 9, 16, 17, 24, 25, 31, 32] {
            for length in [0, 1, 7, 8, 9, 31, 64, 500] {
                let mut values: Vec<u32> = Vec::new();
                while values.len() < length {
                    let value = (u64::from(random(u32::MAX)) & ((1 << width) - 1)) as u32;
                    let times = if random(3) == 0 { random(60) as usize } else { 1 };
                    values.extend(std::iter::repeat_n(value, times));
                }
                values.truncate(length);
                let mut out = Vec::new();
                write(&mut out, &values, width);
                assert_eq!(read(&out, length, width), values, "{width} bits, {length} values");
            }
        }
    }

    #[test]
    fn runs_are_short() {
        let mut out = Vec::new();
        write(&mut out, &[1_u8; 131_072], width_of(1));
        assert_eq!(out, [0x80, 0x80, 0x10, 1]);
        assert_eq!([0, 1, 2, 255, 256].map(width_of), [0, 1, 2, 8, 9]);
    }
}
