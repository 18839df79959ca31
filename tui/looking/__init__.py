"""What bytes look like: as text, as hexadecimal numbers, as rows. Pure; knows no widget."""
