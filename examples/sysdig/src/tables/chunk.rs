//! A column chunk of a row group in file format: a dictionary page with the different values, and a page
//! with their codes.
//!
//! The crate `parquet` would look up the value of each row in the dictionary. Our columns have already done
//! that, and usually know the code without a lookup.

use std::io;

use anyhow::Result;
use bytes::Bytes;
use parquet::basic::{CompressionCodec, Encoding};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

use super::hybrid;

/// Compression level of pages, the same as in the crate for other columns.
const LEVEL: i32 = 1;

/// Creates the compressor of pages.
pub fn compressor() -> io::Result<Compressor<'static>> {
    Compressor::new(LEVEL)
}

/// Contents of a column.
pub struct Chunk<'a> {
    /// Its place in the schema.
    pub descr: ColumnDescPtr,
    /// Number of rows.
    pub rows: usize,
    /// For lists: repetition level of each item, 0 if it begins a row.
    pub repeats: &'a [u8],
    /// Definition level of each value.
    pub levels: &'a [u8],
    /// The dictionary page and the number of its values; `None` for booleans.
    pub dictionary: Option<(&'a [u8], usize)>,
    /// Codes of the present values, or for booleans the values themselves.
    pub values: &'a [u32],
    /// Minimum and maximum.
    pub statistics: Option<Statistics>,
}

impl Chunk<'_> {
    /// Encodes the chunk. Returns its bytes and its metadata for the footer.
    pub fn encode(self, compressor: &mut Compressor<'_>) -> Result<(Bytes, ColumnCloseResult)> {
        let mut sink = TrackedWrite::new(Vec::new());
        let mut writer = SerializedPageWriter::new(&mut sink);
        let mut plain_size = 0;
        let mut write = |page: Page, size: usize| {
            let written = writer.write_page(CompressedPage::new(page, size))?;
            plain_size += written.uncompressed_size;
            anyhow::Ok(written.bytes_written)
        };
        let mut encodings = vec![Encoding::RLE, Encoding::PLAIN];
        let dictionary = self.dictionary.filter(|(_, count)| *count > 0);
        let data_offset = match dictionary {
            Some((page, count)) => {
                encodings.push(Encoding::RLE_DICTIONARY);
                let buf = compressor.compress(page)?.into();
                let encoding = Encoding::PLAIN;
                let num_values = u32::try_from(count)?;
                let header = Page::DictionaryPage { buf, num_values, encoding, is_sorted: false };
                write(header, page.len())?
            }
            None => 0,
        };
        let body = self.body(dictionary.map(|(_, count)| count));
        let page = Page::DataPage {
            buf: compressor.compress(&body)?.into(),
            num_values: u32::try_from(self.levels.len())?,
            encoding: if dictionary.is_some() { Encoding::RLE_DICTIONARY } else { Encoding::PLAIN },
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        write(page, body.len())?;
        let bytes = sink.into_inner()?;
        let mut metadata = ColumnChunkMetaData::builder(self.descr)
            .set_compression_codec(CompressionCodec::ZSTD)
            .set_encodings(encodings)
            .set_num_values(self.levels.len() as i64)
            .set_total_uncompressed_size(plain_size as i64)
            .set_total_compressed_size(bytes.len() as i64)
            .set_dictionary_page_offset(dictionary.map(|_| 0))
            .set_data_page_offset(data_offset as i64);
        if let Some(statistics) = self.statistics {
            metadata = metadata.set_statistics(statistics);
        }
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: self.rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        Ok((bytes.into(), close))
    }

    /// The page of codes, or of booleans.
    fn body(&self, count: Option<usize>) -> Vec<u8> {
        let mut body = Vec::new();
        for (levels, largest) in
            [(self.repeats, self.descr.max_rep_level()), (self.levels, self.descr.max_def_level())]
        {
            if largest > 0 {
                let begin = body.len();
                body.extend_from_slice(&[0; 4]);
                hybrid::write(&mut body, levels, hybrid::width_of(largest as u32));
                let length = (body.len() - begin - 4) as u32;
                body[begin..begin + 4].copy_from_slice(&length.to_le_bytes());
            }
        }
        match count {
            Some(count) => {
                let width = hybrid::width_of(count as u32 - 1);
                body.push(width as u8);
                hybrid::write(&mut body, self.values, width);
            }
            None => hybrid::bits(&mut body, self.values, 1),
        }
        body
    }
}
