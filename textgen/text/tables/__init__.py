"""Documents and labels from tables: CSV, TSV and JSON Lines.

marker.py       a table becomes text in which the end of each document is marked
csv_tables.py   tables of lines: their delimiter, header and rows
csv_rows.py     lines become rows of fields
json_rows.py    JSON Lines
columns.py      which column has the text, and which ones labels
rows.py         what rows give, and rows that cannot be read
"""
