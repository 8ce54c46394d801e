"""A page of HTML about a trained model, filled in from the templates in this folder.

page.py           the page: what is on it
history.py        losses and samples that training recorded
trace.py          what the network predicts and holds at each character of a text
confusions.py     which characters it expects in place of others
context_value.py  what context is worth
text_values.py    what the page shows about a text
document_values.py what it shows about documents: samples, labels
units.py          which properties of a text single units track
charts.py         charts as SVG
template.py       filling in templates
"""
