"""The window: the only part of the package that knows napari and Qt.

`document` and `session` hold what is being worked on and know neither; `desk` shows a session in a
viewer; each other module is one dock widget or one small part of several.
"""
