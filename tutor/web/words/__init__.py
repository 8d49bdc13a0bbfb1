"""What the pages say, in Chinese and in English: one module for each page."""
